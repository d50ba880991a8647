"""docs/ci: each file as far as a machine without its service goes. YAML is parsed, scripts in it are run, CTest, Meson and
git for real."""
import glob
import json
import os
import re
import shutil
import subprocess
import unittest

from gatekit import RAVEL, SOURCE, GateCase, environment, main

CI = os.path.join(SOURCE, "docs", "ci")
RACY = """#include <pthread.h>
int total;
static void *add(void *arg) { total++; return arg; }
int main(void) {
    pthread_t a, b;
    pthread_create(&a, NULL, add, NULL);
    pthread_create(&b, NULL, add, NULL);
    pthread_join(a, NULL);
    return pthread_join(b, NULL);
}
"""
CLEAN = RACY.replace("    pthread_create(&b", "    pthread_join(a, NULL);\n    pthread_create(&b").replace(
    "NULL);\n    pthread_join(a, NULL);\n    return", "NULL);\n    return")


def env_with_ravel(**more):
    return environment(PATH=os.path.dirname(RAVEL) + ":" + os.environ["PATH"], **more)


def load(name):
    import yaml
    with open(os.path.join(CI, name)) as f:
        return yaml.safe_load(f)


class Ready(GateCase):
    def copy(self, name):
        shutil.copy(os.path.join(CI, name), self.path(os.path.basename(name)))

    def cmake_project(self, program, more=""):
        self.write("prog.c", program)
        self.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.18)\nproject(x C)\nenable_testing()\n"
                   "find_package(Threads REQUIRED)\nadd_executable(prog prog.c)\n"
                   "target_link_libraries(prog Threads::Threads)\nadd_test(NAME adds COMMAND prog)\n" + more)

    def configure(self):
        self.ok("cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=Debug", env=env_with_ravel(CC="ravel-cc", CXX="ravel-c++"))
        self.ok("cmake", "--build", "build", env=env_with_ravel())

    def test_every_file_is_tested(self):
        names = sorted(os.path.relpath(p, CI) for p in glob.glob(CI + "/**/*", recursive=True) if os.path.isfile(p))
        self.assertEqual(names, ["Jenkinsfile", "RavelGate.cmake", "github/action.yml", "github/workflow.yml", "gitlab.yml",
                                 "meson.build", "parallel-ssh", "pre-commit", "slurm.sbatch"])
        with open(os.path.join(SOURCE, "docs", "gate.md")) as f:
            page = f.read()
        for name in names:
            self.assertIn("(ci/%s)" % name, page)

    # ---- GitHub ----

    def action(self, **inputs):
        action = load("github/action.yml")
        self.assertEqual(action["runs"]["using"], "composite")
        (step,) = action["runs"]["steps"]
        values = {name: str(i.get("default", "")) for name, i in action["inputs"].items()}
        values.update(inputs)
        env = {}
        for name, text in step["env"].items():
            self.assertRegex(text, r"^\$\{\{ inputs\.\w+ \}\}$")
            env[name] = values[text[len("${{ inputs."):-len(" }}")]]
        self.assertNotIn("${{", step["run"], "inputs must not be pasted into the script")
        self.write("step.sh", step["run"])
        self.write("step-summary", "")
        self.write("output", "")
        p = self.run_it("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "step.sh", env=env_with_ravel(
            GITHUB_STEP_SUMMARY=self.path("step-summary"), GITHUB_OUTPUT=self.path("output"), **env))
        return p, dict(x.split("=", 1) for x in self.read("output").split())

    def test_github_action(self):
        self.cmake_project(RACY)
        self.configure()
        p, outputs = self.action(command="ctest --test-dir build")
        self.assertEqual((p.returncode, outputs), (1, {"verdict": "new", "new": "1"}), p.stdout + p.stderr)
        self.assertRegex(p.stdout, r"(?m)^::error .*file=prog\.c")
        self.assertIn("data race", self.read("step-summary"))
        for name in ("summary.json", "ravel.sarif", "ravel.xml", "ravel.html"):
            self.assertTrue(os.path.getsize(self.path("ravel-reports/" + name)), name)
        shutil.rmtree(self.path("ravel-reports"))
        p, outputs = self.action(command="ctest --test-dir build; exit 5", options="--max-new\n7\n")
        self.assertEqual((p.returncode, outputs["verdict"]), (5, "command"), p.stdout + p.stderr)
        shutil.rmtree(self.path("ravel-reports"))
        p, outputs = self.action(command="true", baseline="nosuch.json")
        self.assertEqual((p.returncode, outputs), (2, {"verdict": "trouble", "new": "0"}), p.stdout + p.stderr)

    def test_github_workflow(self):
        """Its options are the gate's, and its second job judges what the first one left."""
        workflow = load("github/workflow.yml")
        shard = workflow["jobs"]["shard"]
        (use,) = [s for s in shard["steps"] if s.get("uses") == "./.github/actions/ravel-gate"]
        self.assertEqual(sorted(use["with"]), ["command", "options"])
        shards = shard["strategy"]["matrix"]["shard"]
        self.assertIn("${{ matrix.shard }}/%d\n" % len(shards), use["with"]["options"])
        self.cmake_project(RACY)
        self.configure()
        for i in shards:
            p, _ = self.action(command=use["with"]["command"],
                               options=use["with"]["options"].replace("${{ matrix.shard }}", str(i)))
            self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
            logs, artefact = self.path("ravel-reports/logs"), self.path("shards/ravel-%d" % i)
            os.makedirs(artefact)
            if os.path.isdir(logs):
                shutil.move(logs, artefact)
            shutil.rmtree(self.path("ravel-reports"))
        (judge,) = [s["run"] for s in workflow["jobs"]["verdict"]["steps"] if "run" in s]
        self.write("races.json", '{"ravel-baseline": 1, "findings": []}')
        self.write("judge.sh", judge)
        self.write("step-summary", "")
        p = self.run_it("bash", "-e", "judge.sh", env=env_with_ravel(GITHUB_STEP_SUMMARY=self.path("step-summary")))
        self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
        self.assertTrue(p.stdout.endswith("ravel gate: new=1\n"), p.stdout)
        self.assertIn("data race", self.read("step-summary"))

    # ---- GitLab, Jenkins ----

    def test_gitlab(self):
        template = load("gitlab.yml")
        self.cmake_project(RACY)
        self.write("races.json", '{"ravel-baseline": 1, "findings": []}')
        self.write("job.sh", "\n".join(template[".ravel-gate"]["script"]))
        self.write("verdict.sh", "\n".join(template[".ravel-verdict"]["script"]))
        for i in (1, 2):
            p = self.run_it("bash", "-e", "-o", "pipefail", "job.sh", env=env_with_ravel(
                CC="ravel-cc", CXX="ravel-c++", CI_NODE_INDEX=str(i), CI_NODE_TOTAL="2",
                RAVEL_COMMAND="ctest --test-dir build"))
            self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        variables = template[".ravel-verdict"]["variables"]
        p = self.run_it("bash", "-e", "-o", "pipefail", "verdict.sh", env=env_with_ravel(**variables))
        self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
        reports = template[".ravel-verdict"]["artifacts"]["reports"]
        self.assertEqual(json.loads(self.read(reports["codequality"]))[0]["location"]["path"], "prog.c")
        self.assertIn("<testsuite", self.read(reports["junit"]))

    def test_jenkins(self):
        with open(os.path.join(CI, "Jenkinsfile")) as f:
            text = f.read()
        self.assertEqual(text.count("{"), text.count("}"))
        script = re.search(r"sh '''\n(.*?)'''", text, re.S).group(1).replace("\\\\\n", "\\\n")
        self.write("step.sh", script)
        self.write("races.json", '{"ravel-baseline": 1, "findings": []}')
        self.cmake_project(RACY)
        p = self.run_it("sh", "-xe", "step.sh", env=env_with_ravel())
        self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
        for name in re.findall(r"[\w.]+\.(?:xml|html|json)\b", text):
            self.assertTrue(os.path.exists(self.path(name)), name)

    # ---- CTest, Meson, git ----

    def test_ctest(self):
        self.copy("RavelGate.cmake")
        self.cmake_project(RACY, "add_test(NAME named COMMAND prog)\n"
                           "set_tests_properties(named PROPERTIES ENVIRONMENT \"A=b;RAVEL_TEST_NAME=mine\")\n"
                           "include(RavelGate.cmake)\nravel_name_tests()\n"
                           "ravel_gate_target(OPTIONS --summary-json ${CMAKE_BINARY_DIR}/gate.json)\n"
                           "ravel_gate_target(NAME lax OPTIONS --max-new 1)\n")
        self.configure()
        p = self.run_it("cmake", "--build", "build", "--target", "gate", env=env_with_ravel())
        self.assertNotEqual(p.returncode, 0, p.stdout)
        self.assertIn("ravel gate: new=1\n", p.stdout)
        (finding,) = json.loads(self.read("build/gate.json"))["findings"]
        self.assertEqual(finding["tests"], ["adds", "mine"])
        self.ok("cmake", "--build", "build", "--target", "lax", env=env_with_ravel())

    def test_meson(self):
        with open(os.path.join(CI, "meson.build")) as f:
            end = f.read()
        self.write("prog.c", RACY)
        self.write("meson.build", "project('x', 'c')\nprog = executable('prog', 'prog.c', dependencies: dependency('threads'))\n"
                   "test('adds', prog, env: ['RAVEL_TEST_NAME=adds'])\n" + end)
        self.ok("meson", "setup", "build", env=env_with_ravel(CC="ravel cc", CXX="ravel c++"))
        self.ok("meson", "compile", "-C", "build", env=env_with_ravel())
        p = self.run_it("meson", "compile", "-C", "build", "gate", env=env_with_ravel())
        self.assertNotEqual(p.returncode, 0, p.stdout)
        told = json.loads(self.read("build/gate.json"))
        self.assertEqual((told["verdict"], told["new"], told["findings"][0]["tests"]), ("new", 1, ["adds"]), p.stdout)
        self.write("prog.c", CLEAN)
        self.ok("meson", "compile", "-C", "build", env=env_with_ravel())
        self.ok("meson", "compile", "-C", "build", "gate", env=env_with_ravel())

    def git(self, *args):
        return self.run_it("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *args, env=env_with_ravel())

    def test_pre_commit(self):
        self.write("prog.c", CLEAN)
        self.write("Makefile", "prog: prog.c\n\t$(CC) -g -pthread prog.c -o prog\ncheck: prog\n\t./prog\n")
        self.write(".gitignore", "/prog\n/pre-commit\n")
        self.assertEqual(self.git("init", "-q", "-b", "main").returncode, 0)
        shutil.copy(os.path.join(CI, "pre-commit"), self.path(".git/hooks/pre-commit"))
        self.git("add", "-A")
        p = self.git("commit", "-q", "-m", "nothing is set up")
        self.assertEqual(p.returncode, 1)
        self.assertIn("git config ravel.check", p.stderr)
        self.git("config", "ravel.build", 'make CC="ravel cc"')
        self.git("config", "ravel.check", "make check")
        p = self.git("commit", "-q", "-m", "clean")
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.write("prog.c", RACY)
        p = self.git("commit", "-q", "-a", "-m", "racy")
        self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
        self.assertIn("ravel gate: new=1", p.stdout + p.stderr)
        self.assertEqual(self.git("commit", "-q", "-a", "--no-verify", "-m", "racy").returncode, 0)
        self.write("prog.c", RACY + "// the race is on no line of this change\n")
        p = self.git("commit", "-q", "-a", "-m", "elsewhere")
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)

    def test_scripts_for_clusters(self):
        """Run for real by tests/gate/cluster; here their shells read them, and they say how they are used."""
        for name in ("parallel-ssh", "slurm.sbatch", "pre-commit"):
            self.ok("bash", "-n", os.path.join(CI, name))
        p = self.run_it("bash", os.path.join(CI, "parallel-ssh"))
        self.assertEqual(p.returncode, 2)
        self.assertIn("parallel-ssh MACHINES SHARDS DIRECTORY COMMAND...", p.stderr)
        self.cmake_project(RACY)
        self.configure()
        for i in (1, 2):
            self.ok("bash", os.path.join(CI, "slurm.sbatch"), "ctest", "--test-dir", "build", env=env_with_ravel(
                SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID=str(i), SLURM_ARRAY_TASK_COUNT="2"))
        p = self.run_it(RAVEL, "gate", "--from", "ravel-shards-7")
        self.assertEqual(p.returncode, 1, p.stdout)


if __name__ == "__main__":
    main()
