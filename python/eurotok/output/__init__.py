"""Tables, plots and the page: statistics as people read them."""
