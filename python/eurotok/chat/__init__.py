"""Chats as ids: the text of messages can never become a control token.

Enters: messages, a template, a tokenizer. Leaves: ids, and which of them the assistant said. The template is rendered
with the origin of each character (`template`); a control token stands only where the template wrote all of it (`ids`).
Jinja is imported when a chat is rendered.
"""


class ChatError(ValueError):
    """Messages, or a template, of which no ids can be made safely."""

    __module__ = "eurotok"
