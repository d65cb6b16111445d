"""Carries a target that was trained with another tokenizer over to this one; all layers stay as they are.

A token that both tokenizers have keeps its row, by its name; a new one starts as the mean of its pieces' rows under
the old tokenizer; special tokens that both have keep theirs, and timestamps and positions carry over one to one.
The run behind the shipped weights learnt English with a tokenizer of its own and went on from here; ``all`` has
four languages in its tokenizer from the first step and does not need this.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import WhisperTokenizer

from training.checkpoints import Checkpoints
from training.distill import Distillation, load_target
from training.network import TargetLoss, draft_from, new_target
from training.recipe import CACHE, Recipe
from training.tokenizer import SpecialIds, load_tokenizer, special_ids

_TIED = "target.model.decoder.embed_tokens.weight"
_UNTRAINED = ("<|de|>", "<|fr|>", "<|es|>", "<|translate|>")
"""Special tokens that the old run never saw: they stay fresh, apart from what they share with their kind."""


def carried_rows(old: WhisperTokenizer, new: WhisperTokenizer, rows: torch.Tensor, fresh: torch.Tensor) -> torch.Tensor:
    """The new embedding, (new vocabulary, width), from the ``rows`` of the old; ``fresh`` where nothing is known."""
    known = old.get_vocab()
    carried = fresh.clone()
    like = {"<|de|>": "<|en|>", "<|fr|>": "<|en|>", "<|es|>": "<|en|>", "<|translate|>": "<|transcribe|>"}
    for token, place in new.get_vocab().items():
        if token in _UNTRAINED:
            carried[place] = 0.5 * (rows[known[like[token]]] + fresh[place])
        elif token in known:
            carried[place] = rows[known[token]]
        else:
            carried[place] = rows[_pieces(old, new, place)].mean(dim=0)
    return carried


def _pieces(old: WhisperTokenizer, new: WhisperTokenizer, place: int) -> Sequence[int]:
    token = new.convert_ids_to_tokens(place)
    pieces = old.backend_tokenizer.model.tokenize(token)
    return [piece.id for piece in pieces]


def carry_over(recipe: Recipe, old_run: Path, folder: Path = CACHE / "target") -> int:
    """Write the newest state below ``old_run`` as a state of this recipe's run; the step it stands at.

    Raises:
        FileNotFoundError: there is no state below ``old_run``.
    """
    old, new = load_tokenizer(old_run / "tokenizer"), load_tokenizer()
    step, state = Checkpoints(old_run / "target").newest()
    if state is None:
        raise FileNotFoundError(f"no training state in {old_run / 'target'}")
    torch.manual_seed(recipe.seed)
    ids = special_ids(new)
    modules = TargetLoss(new_target(recipe.shape, ids), ids, recipe)
    weights = {**state["modules"]}
    embedding = carried_rows(old, new, weights[_TIED], modules.state_dict()[_TIED])
    weights[_TIED] = weights["target.proj_out.weight"] = embedding
    weights |= _carried_ctc(old, new, weights, special_ids(old), ids)
    modules.load_state_dict(weights)
    Checkpoints(folder).save(step, {"modules": modules.state_dict(), "optimizers": []})
    return step


def carry_over_draft(recipe: Recipe, old_run: Path, folder: Path = CACHE / "draft") -> None:
    """Write the old draft's layers and norm, with the new target's embeddings, as the state that the draft starts from.

    Raises:
        FileNotFoundError: there is no state below ``old_run``.
    """
    _, state = Checkpoints(old_run / "draft").newest()
    if state is None:
        raise FileNotFoundError(f"no training state in {old_run / 'draft'}")
    ids = special_ids(load_tokenizer())
    target = load_target(recipe, ids)
    modules = Distillation(target, draft_from(target, recipe.shape, ids), ids)
    layers = {name: weight for name, weight in state["modules"].items() if "layer" in name}
    modules.load_state_dict({**modules.state_dict(), **layers})
    Checkpoints(folder).save(0, {"modules": modules.state_dict(), "optimizers": []})


def _carried_ctc(
    old: WhisperTokenizer,
    new: WhisperTokenizer,
    weights: dict[str, torch.Tensor],
    old_ids: SpecialIds,
    ids: SpecialIds,
) -> dict[str, torch.Tensor]:
    """The CTC head's rows: text tokens, and the blank last. A new token starts less likely than its pieces."""
    carried = {}
    known = old.get_vocab()
    for name in ("ctc_head.weight", "ctc_head.bias"):
        rows = weights[name]
        new_rows = []
        for place in range(ids.eot):
            token = new.convert_ids_to_tokens(place)
            new_rows.append(rows[known[token]] if token in known else rows[_pieces(old, new, place)].mean(dim=0))
        carried[name] = torch.stack([*new_rows, rows[old_ids.eot]])
    return carried


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m training.carry_over", description=__doc__)
    parser.add_argument("old_run", type=Path, help="a folder with tokenizer/, target/ and draft/ of an earlier run")
    parser.add_argument("what", choices=("target", "draft"))
    chosen = parser.parse_args()
    (carry_over if chosen.what == "target" else carry_over_draft)(Recipe(), chosen.old_run)
