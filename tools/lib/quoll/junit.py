# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Results of kernel tests as JUnit XML, the format that build servers and CTest read."""

import re
import xml.etree.ElementTree as ET

from . import kernel_console

# What XML 1.0 cannot hold, however it is written.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(lines):
    return NOT_XML.sub("?", "\n".join(lines))


def _add_case(parent, case):
    suite, _, name = case.name.partition(".")
    element = ET.SubElement(
        parent, "testcase", classname=suite, name=name, time=f"{case.seconds:.3f}"
    )
    if case.outcome is None:
        ET.SubElement(element, "skipped", message="it was not run")
    elif not case.is_well:
        # The first line that says what was expected, or why the machine stopped.
        told = (l for l in case.output if "expected" in l or "PANIC" in l or "limit" in l)
        kind = "failure" if case.outcome == kernel_console.FAILED else "error"
        message = NOT_XML.sub("?", next(told, case.outcome))
        ET.SubElement(element, kind, message=message, type=case.outcome).text = _text(case.output)
    if case.output:
        ET.SubElement(element, "system-out").text = _text(case.output)


def write(path, name, cases, properties):
    """Writes `cases` as one suite. `properties`: how they were run."""
    failures = sum(case.outcome == kernel_console.FAILED for case in cases)
    skipped = sum(case.outcome is None for case in cases)
    well = sum(case.is_well for case in cases)
    counts = {
        "tests": str(len(cases)),
        "failures": str(failures),
        "errors": str(len(cases) - failures - skipped - well),
        "skipped": str(skipped),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": name, **counts})
    listed = ET.SubElement(suite, "properties")
    for key, value in properties.items():
        ET.SubElement(listed, "property", name=key, value=NOT_XML.sub("?", str(value)))
    for case in cases:
        _add_case(suite, case)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
