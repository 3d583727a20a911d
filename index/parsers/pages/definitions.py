"""Write the terms of definition lists in front of what is said of them: "Entry fee: Adults pay seven pounds."."""

from __future__ import annotations

from typing import Any

_LONGEST_TERM = 80  # characters of the terms of a definition


def name_definitions(tree: Any) -> None:
    """Write the terms of definition lists of a page of HTML in front of definitions; questions stay by themselves."""
    for element in list(tree.iter("dt", "dd")):
        if element.getparent().tag == element.tag:  # the parser does not know that the end of such a tag is optional
            element.getparent().addnext(element)
    for definition in tree.xpath("//dl//dd"):
        terms: list[Any] = []
        while (above := (terms[0] if terms else definition).getprevious()) is not None and above.tag == "dt":
            terms.insert(0, above)
        names = [" ".join(term.text_content().split()).rstrip(":") for term in terms]
        name = ", ".join(filter(None, names))
        if not 0 < len(name) <= _LONGEST_TERM or any(each.endswith(("?", "？")) for each in names):
            continue
        said = next(
            (each for each in definition.iter() if isinstance(each.tag, str) and (each.text or "").strip()), None
        )
        if said is not None:
            said.text = f"{name}: {said.text.lstrip()}"
            for term in terms:
                term.drop_tree()
