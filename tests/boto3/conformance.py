"""Checks answers against botocore's models, which botocore itself does not: it skips what it does not know."""

import json
import xml.etree.ElementTree as ET


class Conformance:
    """Hooks into clients and collects what an answer has that its model has not, or the reverse."""

    def __init__(self):
        self.breaches = []
        self.operations = set()

    def watch(self, client):
        client.meta.events.register("before-parse.*.*", self._on_answer)
        return client

    def _on_answer(self, operation_model, response_dict, **_):
        service, operation = operation_model.service_model.service_name, operation_model.name
        self.operations.add(f"{service}:{operation}")
        if response_dict["status_code"] >= 300 or operation_model.has_streaming_output:
            return
        shape, body = operation_model.output_shape, response_dict["body"]
        where = f"{service}:{operation}"
        if shape is None or not body:
            return
        if operation_model.service_model.resolved_protocol in ("json", "rest-json"):
            try:
                answer = json.loads(body)
            except ValueError:
                return  # botocore says so itself.
            self._json(shape, answer, where)
        else:
            root = ET.fromstring(body)
            wrapper = shape.serialization.get("resultWrapper")
            if wrapper:
                root = next(child for child in root if _tag(child) == wrapper)
            if operation == "GetBucketLocation":
                # The root element is the member, which botocore treats as a case of its own.
                return
            self._xml(shape, root, where)

    def _say(self, where, what):
        self.breaches.append(f"{where}: {what}")

    def _json(self, shape, value, where):
        kind = shape.type_name
        if kind == "structure":
            if not isinstance(value, dict):
                return self._say(where, f"{value!r} is not a structure")
            members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
            for name in shape.required_members:
                wire = shape.members[name].serialization.get("name", name)
                if wire not in value:
                    self._say(where, f"{wire} is missing")
            for name, inner in value.items():
                if name not in members:
                    self._say(where, f"{name} is not in the model")
                elif inner is not None:
                    self._json(members[name], inner, f"{where}.{name}")
        elif kind == "list":
            if not isinstance(value, list):
                return self._say(where, f"{value!r} is not a list")
            for inner in value:
                self._json(shape.member, inner, f"{where}[]")
        elif kind == "map":
            if not isinstance(value, dict):
                return self._say(where, f"{value!r} is not a map")
            for inner in value.values():
                self._json(shape.value, inner, f"{where}{{}}")
        else:
            self._scalar(shape, value, where)

    def _scalar(self, shape, value, where):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = {
            "string": isinstance(value, str),
            "character": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "integer": isinstance(value, int) and number,
            "long": isinstance(value, int) and number,
            "float": number,
            "double": number,
            "timestamp": isinstance(value, str) and value.endswith("Z") if iso(shape) else number,
            "blob": isinstance(value, str),
        }[shape.type_name]
        if not right:
            self._say(where, f"{value!r} is not a {shape.type_name}")
        elif getattr(shape, "enum", None) and value not in shape.enum:
            self._say(where, f"{value!r} is not one of {shape.enum}")

    def _xml(self, shape, element, where):
        kind = shape.type_name
        if kind == "structure":
            members = {}
            for name, member in shape.members.items():
                flat = member.type_name == "list" and member.serialization.get("flattened")
                wire = member.serialization.get("name", name)
                if flat:
                    wire = member.member.serialization.get("name", wire)
                members[wire] = member.member if flat else member
            for child in element:
                if _tag(child) not in members:
                    self._say(where, f"{_tag(child)} is not in the model")
                else:
                    self._xml(members[_tag(child)], child, f"{where}.{_tag(child)}")
        elif kind == "list":
            item = shape.member.serialization.get("name", "member")
            for child in element:
                if _tag(child) != item:
                    self._say(where, f"{_tag(child)} instead of {item}")
                else:
                    self._xml(shape.member, child, f"{where}[]")
        elif kind == "timestamp":
            if not (element.text or "").endswith("Z"):
                self._say(where, f"{element.text!r} is not a time")
        elif kind == "boolean":
            if element.text not in ("true", "false"):
                self._say(where, f"{element.text!r} is not a boolean")
        elif kind == "string" and getattr(shape, "enum", None) and element.text not in shape.enum:
            self._say(where, f"{element.text!r} is not one of {shape.enum}")


def iso(shape):
    return shape.serialization.get("timestampFormat") == "iso8601"


def _tag(element):
    return element.tag.rsplit("}", 1)[-1]
