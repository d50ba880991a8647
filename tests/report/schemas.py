"""SARIF and JUnit against the published schemas, for findings of every kind, in every state, and with hostile text."""
import json
import os
import shutil

import kit
from kit import SCHEMAS, Case, bare, end, everything, main, race, side, start, text_of

SARIF = os.path.join(SCHEMAS, "sarif-schema-2.1.0.json")
JUNIT = os.path.join(SCHEMAS, "junit.xsd")
if not (os.path.exists(SARIF) and os.path.exists(JUNIT)):
    kit.skip_all("schema in %s (RAVEL_SCHEMAS says where else)" % SCHEMAS)
try:
    import jsonschema
except ImportError:
    kit.skip_all("python3-jsonschema")
if not shutil.which("xmllint"):
    kit.skip_all("xmllint (libxml2-utils)")

STATES = ("00000000000000a1=known:benign", "00000000000000f1=suppressed", "0000000000000fff=fixed")
CONTROL = "".join(map(chr, range(1, 32))) + "\x7f\ufffe\uffff\U0010ffff ]]> <&>\"' é 漢字 \u2028"


class Schemas(Case):
    def check(self, log, *states):
        self.write("log", log)
        with open(SARIF) as f:
            schema = json.load(f)
        document = json.loads(self.states("log", "sarif", *states))
        checker = jsonschema.validators.validator_for(schema)
        checker.check_schema(schema)
        self.assertEqual([e.message for e in checker(schema).iter_errors(document)], [])
        self.write("junit.xml", self.states("log", "junit", *states))
        p = self.run_it("xmllint", "--nonet", "--noout", "--schema", JUNIT, "junit.xml")
        self.assertEqual(p.returncode, 0, p.stderr.decode())

    def test_every_kind(self):
        self.check(everything())

    def test_every_state(self):
        self.check(everything(), *STATES)

    def test_nothing(self):
        self.check("")
        self.check(text_of(start(), end()))
        self.check("garbage\n\0\n")

    def test_hardly_anything(self):
        self.check(text_of({"type": "report", "v": 1, "fingerprint": "00000000000000a1"}))
        self.check(text_of(start(), end(bugs=[("00000000000000a1", 1, 1)])))
        self.check(text_of(start(), race(sides=[{}, {}], strands=[{}], locks=[{}], location={})))
        self.check(text_of(start(), race(sides=[side(stack=[{}, {"file": ""}, {"module": ""}, bare()]), side(stack=[{}])])))
        self.check(text_of(start(), race(edges=[{}, {}], sides=[])))
        self.check(text_of(start(), race(time="0000-99-99T99:99:99Z", hint="", title="", kind="", process="", test="")))
        self.check(text_of(start(), race(time="2026-02-30T23:59:60Z")))

    def test_hostile_text(self):
        self.check(text_of(start(), race(title=CONTROL, kind=CONTROL, hint=CONTROL, test=CONTROL, process=CONTROL,
                                         sides=[side(stack=[kit.frame(CONTROL, CONTROL, module=CONTROL, offset=CONTROL)]),
                                                side(access=CONTROL)])))
        self.check(text_of(start(), race(title="\ud800 alone")).encode().replace(b"guard", b"g\xff\xc0\x80"))


if __name__ == "__main__":
    main()
