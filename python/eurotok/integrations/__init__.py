"""Objects of other libraries, with this package inside. Each module imports its library when it is used."""
