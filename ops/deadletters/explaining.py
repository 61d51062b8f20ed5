"""Why a letter failed, whether a replay can work now, and what to type: for whoever is woken at three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.domain.errors import ErrorClass
from consumer.domain.writes import LetterStatus
from ops.deadletters import texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.domain.interventions import SupplierPause
    from consumer.domain.replay import Item
    from consumer.domain.writes import Letter
    from ops.demo.texts import Language


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a person is told of a letter.

    Attributes:
        why: what happened, a few sentences.
        can_replay: would a replay be sent now.
        now: whether a replay can work now, and why.
        commands: what to type, the first one first.
    """

    why: str
    can_replay: bool
    now: str
    commands: tuple[str, ...]


def explain(
    letter: Letter,
    item: Item,
    pauses: Mapping[str, SupplierPause],
    followers: Sequence[Letter],
    language: Language,
) -> Explanation:
    """Put together what a person has to know of a letter.

    Args:
        letter: the letter.
        item: what a plan would say of it now.
        pauses: suppliers that people have paused.
        followers: letters that its replays came back as, the newest first.
        language: to say it in.
    """
    told = {"en": 0, "zh": 1}[language]
    why = [texts.WHY[letter.error_class][told]]
    if letter.follows is not None:
        why.append(texts.CAME_BACK[told].format(letter=letter.follows))
    if letter.status is not LetterStatus.OPEN:
        now = texts.STATUS[letter.status][told].format(replay=letter.replay_id)
        if followers:
            now += f" → {followers[0].id}"
        return Explanation(" ".join(why), can_replay=False, now=now, commands=_of_closed(letter, followers))
    if item.reason is not None:
        now = texts.NOT[told].format(reason=item.reason)
        return Explanation(" ".join(why), can_replay=False, now=now, commands=_of_unfit(letter, item.reason))
    said = [texts.GOES[told]]
    if letter.error_class in texts.FIRST:
        said.append(texts.FIRST[letter.error_class][told])
    pause = pauses.get(letter.supplier or "")
    if pause is not None:
        said.append(texts.PAUSED[told].format(supplier=letter.supplier, by=pause.paused_by, reason=pause.reason))
    return Explanation(" ".join(why), can_replay=True, now=" ".join(said), commands=_of_fit(letter))


def _of_fit(letter: Letter) -> tuple[str, ...]:
    first = {
        ErrorClass.MALFORMED: (f"relay supplier test {letter.supplier}",),
        ErrorClass.UNMATCHED: (f"relay order find {letter.subject}",) if letter.subject else (),
        ErrorClass.BUG: (f"relay dlq show {letter.id}",),
    }.get(letter.error_class, (f"relay supplier test {letter.supplier}",) if letter.supplier else ())
    return (
        *first,
        f"relay replay plan --fingerprint {letter.fingerprint}",
        f"relay replay plan --id {letter.id}",
    )


def _of_unfit(letter: Letter, reason: str) -> tuple[str, ...]:
    discard = f"relay dlq discard {letter.id} --reason …"
    if reason.startswith("already done"):
        return (discard,)
    return (f"relay dlq edit {letter.id} --reason …", discard)


def _of_closed(letter: Letter, followers: Sequence[Letter]) -> tuple[str, ...]:
    match letter.status:
        case LetterStatus.REPLAYING | LetterStatus.REPLAYED:
            return (f"relay replay status {letter.replay_id}",)
        case LetterStatus.DISCARDED:
            return (f"relay dlq restore {letter.id} --reason …",)
        case _:
            return (f"relay dlq explain {followers[0].id}",) if followers else ()
