"""The methods of a tokenizer that take chats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from eurotok.chat import ChatError

if TYPE_CHECKING:
    from eurotok.chat.ids import Encoded, Encoder

ROLES_OF_TOKENS = ("bos", "eos", "pad", "unk")
"""Names by which a template knows special tokens: `bos_token` and so on."""


class Chats:
    """Adds chats to a tokenizer."""

    chat_template: str | None = None
    """The Jinja template of chats, as `transformers` means it; `None` if the tokenizer came without one."""

    @overload
    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        mask: Literal[False] = False,
        *,
        template: str | None = None,
        now: datetime | None = None,
        **variables: Any,  # noqa: ANN401 - of the template
    ) -> NDArray[np.uint32]: ...
    @overload
    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        *,
        mask: Literal[True],
        template: str | None = None,
        now: datetime | None = None,
        **variables: Any,  # noqa: ANN401 - of the template
    ) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]: ...
    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        mask: bool = False,
        *,
        template: str | None = None,
        now: datetime | None = None,
        **variables: Any,
    ) -> NDArray[np.uint32] | tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        """Encode a chat by the model's own template.

        Text of messages, tools and variables never becomes a control token, even if it spells one, alone or together
        with the template's text around it. Otherwise the ids equal the ids of `apply_chat_template` of `transformers`.

        Parameters
        ----------
        messages
            The messages: dicts with `role` and `content`, and other keys that the template knows, such as `tool_calls`.
        tools
            Descriptions of functions that the model may call, as JSON schemas.
        add_generation_prompt
            Whether to end with the beginning of an answer.
        mask
            Whether to tell which tokens the assistant said, so that training can learn from them alone.
        template
            A template in place of `chat_template`.
        now
            The time that the template is told, if it asks; by default that of the call.
        **variables
            Other variables of the template, such as `enable_thinking`.

        Returns
        -------
        ids : NDArray[np.uint32]
            Shape (tokens,).
        mask : NDArray[np.bool_]
            If asked for. Shape (tokens,): `True` for tokens in the template's `{% generation %}` blocks. If it has
            none, for answers from behind the generation prompt to the mark that closes them.

        Raises
        ------
        ChatError
            If there is no template, if it refuses the messages, runs too long, or changes their content in a way that
            hides which characters of the result are theirs.
        ImportError
            If jinja2 is absent: `pip install 'eurotok[chat]'`.

        Examples
        --------
        >>> import eurotok
        >>> tok = eurotok.load("euro-64k")
        >>> ids, mask = tok.chat(
        ...     [{"role": "user", "content": "Ça va ?"}, {"role": "assistant", "content": "Oui."}], mask=True
        ... )
        >>> tok.decode(ids), tok.decode(ids[mask])
        ('<|begin_of_text|><|user|>Ça va ?<|end_of_turn|><|assistant|>Oui.<|end_of_turn|>', 'Oui.<|end_of_turn|>')
        """
        encoded = encoded_chat(self, messages, tools, add_generation_prompt, template, now, variables)
        return (encoded.ids, encoded.mask) if mask else encoded.ids


def encoded_chat(
    tokenizer: Any,  # noqa: ANN401 - a tokenizer, which this module does not know
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    template: str | None = None,
    now: datetime | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Encoded:
    """Encode a chat as `Chats.chat` does, and keep the text and the place of each token in it."""
    source = template or tokenizer.chat_template
    if source is None:
        raise ChatError("the tokenizer has no chat template: give one, template=")
    try:
        from eurotok.chat.ids import encode_chat
        from eurotok.chat.template import render, turn_of
    except ImportError as error:
        raise ImportError("chats need jinja2: pip install 'eurotok[chat]'") from error
    encoder: Encoder = tokenizer
    named = named_tokens(tokenizer)
    chat = list(messages)
    text = render(
        source,
        chat,
        tools=tools,
        add_generation_prompt=add_generation_prompt,
        special_tokens=named,
        variables=variables,
        now=now,
    )
    turn = turn_of(source, encoder.special_tokens, named)
    return encode_chat(encoder, text, [str(message["role"]) for message in chat], turn)


def named_tokens(tokenizer: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    """Give the special tokens that have a role, as a template names them: `bos_token` and so on."""
    texts = {id_: text for text, id_ in tokenizer.special_tokens.items()}
    ids = {role: getattr(tokenizer, f"{role}_id", None) for role in ROLES_OF_TOKENS}
    return {f"{role}_token": texts[id_] for role, id_ in ids.items() if id_ in texts}
