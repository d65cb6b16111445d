"""Forced tokens: what a window's text begins with: previous text, then start, language, task and timestamp mode."""

from __future__ import annotations

from transformers import WhisperTokenizer
from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.runtime.slots import DETECT
from whisper_magic.errors import OptionError
from whisper_magic.options import PER_WINDOW, TranscribeOptions
from whisper_magic.wording import near


def forced_prompt(special: SpecialTokens, options: TranscribeOptions, model: str) -> tuple[int, ...]:
    """Start-of-transcript and what must follow it; DETECT where the language is to be detected.

    Raises:
        OptionError: For a language, task or timestamps that this checkpoint does not have.
    """
    prompt = [special.sot]
    if special.languages:
        prompt.append(_language(special, options.language, model))
    elif options.language not in (None, PER_WINDOW) and _code(str(options.language)) != "en":
        raise OptionError(f"{model} is English-only, got language={options.language!r}; load a multilingual checkpoint")
    if special.tasks:
        if options.task not in special.tasks:
            raise OptionError(f"{model} cannot {options.task}; it supports {', '.join(special.tasks)}")
        prompt.append(special.tasks[options.task])
    elif options.task != "transcribe":
        raise OptionError(f"{model} is English-only and cannot translate; load a multilingual checkpoint")
    if options.timestamps and not special.has_timestamps:
        raise OptionError(f"{model} has no timestamp tokens; pass timestamps=False")
    if not options.timestamps and special.no_timestamps is not None:
        prompt.append(special.no_timestamps)
    return tuple(prompt)


def previous_text(
    tokenizer: WhisperTokenizer, special: SpecialTokens, prompt: str | None, context: int, what: str = "the prompt"
) -> tuple[int, ...]:
    """The user's prompt as previous text, its last half context at most.

    Args:
        tokenizer: Of the checkpoint.
        special: Of the checkpoint.
        prompt: Text, or None.
        context: Tokens that the decoder's context holds.
        what: What the text is called in errors.

    Raises:
        OptionError: Where the prompt spells a special token, or the checkpoint has no token for previous text.
    """
    if not prompt or not prompt.strip():
        return ()
    if special.prev_sot is None:
        raise OptionError("this checkpoint has no <|startofprev|> token, so that it takes no prompt")
    ids: list[int] = tokenizer(" " + prompt.strip(), add_special_tokens=False)["input_ids"]
    forbidden = next((i for i in ids if i >= special.eot), None)
    if forbidden is not None:
        word = tokenizer.convert_ids_to_tokens(forbidden)
        raise OptionError(f"{what} contains the special token {word}; leave it out")
    return tuple(ids[-(context // 2 - 1) :])


_OTHER_CODES = {"cmn": "zh", "fil": "tl", "iw": "he", "jv": "jw", "nb": "no"}  # ISO 639 -> Whisper's code


_SYMBOLS = list('"#()*+/:;<=>@[\\]^_`{|}~「」『』')
_SYMBOLS += [
    "<<",
    ">>",
    "<<<",
    ">>>",
    "--",
    "---",
    "-(",
    "-[",
    "('",
    '("',
    "((",
    "))",
    "(((",
    ")))",
    "[[",
    "]]",
    "{{",
    "}}",
    "♪♪",
    "♪♪♪",
]
_NOTES = list("♩♪♫♬♭♮♯")


def non_speech_tokens(tokenizer: WhisperTokenizer, special: SpecialTokens) -> tuple[int, ...]:
    """Tokens that annotate instead of transcribing: brackets, notes, dashes between speakers; and the
    special ones that no text may hold (openai/whisper `tokenizer.py`, `non_speech_tokens`; `decoding.py`)."""
    suppressed = {token for token in (special.sot, special.prev_sot, special.no_speech) if token is not None}
    suppressed |= set(special.tasks.values())
    for symbol in (*_SYMBOLS, *_NOTES, " -", " '"):
        for text in (symbol,) if symbol[0] == " " else (symbol, f" {symbol}"):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            if len(ids) == 1 or symbol in _NOTES:
                suppressed.add(ids[0])
    return tuple(sorted(suppressed))


def _language(special: SpecialTokens, name: str | None, model: str) -> int:
    if name in (None, PER_WINDOW):
        return DETECT
    assert name is not None
    code = _code(name)
    if code not in special.languages:
        known = sorted(special.languages)
        names = [language for language, its_code in TO_LANGUAGE_CODE.items() if its_code in special.languages]
        listed = ", ".join(known) if len(known) <= 12 else f"{len(known)} languages, such as {', '.join(known[:8])}"
        advice = near(name.strip().lower(), [*names, *known, PER_WINDOW]) or f"; it supports {listed}"
        raise OptionError(f"{model} does not support language {name!r}{advice}")
    return special.languages[code]


def _code(name: str) -> str:
    """A language's code, however it is given: as code, English name, <|code|>, or tag such as pt-BR or zh_Hant."""
    plain = name.strip().lower().removeprefix("<|").removesuffix("|>").replace("_", "-")
    code = str(TO_LANGUAGE_CODE.get(plain, plain.partition("-")[0]))
    return _OTHER_CODES.get(code, code)
