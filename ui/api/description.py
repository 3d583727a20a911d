"""The description of the API as a page that loads nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..html import escape

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #1c1917;
  background: #fafaf9; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 2.5rem; font-size: 1.1rem; } h3 { font-size: 1rem; }
code, h2 { font-family: ui-monospace, monospace; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #e7e5e4; }
@media (prefers-color-scheme: dark) { body { color: #e7e5e4; background: #1c1917; } th, td { border-color: #44403c; }
  a { color: #93c5fd; } }
"""


def description_page(schema: Mapping[str, Any], prefix: str) -> str:
    """Each route with its fields and replies, and each form of value once, below."""
    info = schema["info"]
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>'
    ]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            parts.extend(_operation(f"{method.upper()} {prefix}{path}", operation))
    parts.append("<h2>Values</h2>")
    for name, form in sorted(schema["components"]["schemas"].items()):
        parts.append(f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(form.get("description", ""))}</p>')
        parts.append(_fields(form))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>citechat: the API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def _operation(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(name)}</h2><p>{escape(operation['summary'])}.</p>"
    for parameter in operation.get("parameters", ()):
        about = parameter.get("description", "")
        yield f"<p><code>{escape(parameter['name'])}</code> ({escape(parameter['in'])}) {escape(about)}</p>"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Takes <code>{escape(kind)}</code>: {_form(content['schema'])}</p>"
    rows = [
        f"<tr><td>{escape(str(status))}</td><td>{escape(response['description'])}</td><td>{_forms(response)}</td></tr>"
        for status, response in sorted(operation["responses"].items())
    ]
    yield f"<table><tr><th>Status</th><th>When</th><th>What comes</th></tr>{''.join(rows)}</table>"


def _forms(response: Mapping[str, Any]) -> str:
    content = response.get("content", {})
    return "<br>".join(f"<code>{escape(kind)}</code>: {_form(each['schema'])}" for kind, each in content.items())


def _fields(form: Mapping[str, Any]) -> str:
    required = form.get("required", ())
    rows = [
        f"<tr><td><code>{escape(name)}</code></td><td>{_form(each)}{'' if name in required else ', may be left out'}"
        f"</td><td>{escape(each.get('description', ''))}</td></tr>"
        for name, each in form.get("properties", {}).items()
    ]
    return f"<table><tr><th>Field</th><th>Form</th><th></th></tr>{''.join(rows)}</table>"


def _form(schema: Mapping[str, Any]) -> str:
    """A form of value in words, with links to the forms that have names."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_form(each) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return escape(", ".join(map(repr, schema.get("enum", [schema.get("const")]))))
    if schema.get("type") == "array":
        return f"list of {_form(schema.get('items', {}))}"
    return escape(str(schema.get("type") or schema.get("description", "any value")))
