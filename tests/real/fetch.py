"""Debian's source packages, fetched by apt-get without touching the machine's own configuration.

Where apt is not set up for source packages, a private copy of its list of sources is made with deb-src for deb, and
apt-get is pointed at that; everything it downloads stays below the work directory.
"""

import os
import pathlib
import re
import shutil
import subprocess


class Trouble(Exception):
    """Something that this machine lacks; the message says what."""


def missing_packages(names):
    return [n for n in names if not is_installed(n)]


def is_installed(name):
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], capture_output=True, text=True)
    return out.stdout.endswith(" installed")


def install(names):
    absent = missing_packages(names)
    if not absent:
        return
    if os.geteuid() != 0:
        raise Trouble(f"these packages are missing: {' '.join(absent)}")
    done = subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *absent], stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Trouble(f"could not install {' '.join(absent)}")


def private_sources(directory):
    """Writes the machine's apt sources to directory as source-package entries."""
    directory.mkdir(parents=True, exist_ok=True)
    etc = pathlib.Path("/etc/apt")
    for file in [etc / "sources.list", *(etc / "sources.list.d").glob("*.list")]:
        if file.exists():
            lines = re.findall(r"^deb\s.*$", file.read_text(), re.M)
            (directory / f"ours-{file.name}").with_suffix(".list").write_text("".join(f"deb-src{l[3:]}\n" for l in lines))
    for file in (etc / "sources.list.d").glob("*.sources"):
        text = re.sub(r"^Types:.*$", "Types: deb-src", file.read_text(), flags=re.M)
        (directory / f"ours-{file.name}").write_text(text)


def apt_options(work):
    """Options with which apt-get knows source packages and keeps its hands off the system."""
    apt = work / "apt"
    for d in ("lists/partial", "cache/archives/partial"):
        (apt / d).mkdir(parents=True, exist_ok=True)
    private_sources(apt / "sources")
    settings = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": apt / "sources",
        "Dir::State::Lists": apt / "lists",
        "Dir::Cache": apt / "cache",
    }
    if os.geteuid() == 0:
        settings["APT::Sandbox::User"] = "root"
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def fetch(package, work):
    """Unpacks the package's source into work/source/PACKAGE unless it is there; returns (tree, version)."""
    place = work / "source" / package
    version = place / "version"
    if not version.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        options = apt_options(work)
        subprocess.run(["apt-get", *options, "-q", "update"], check=False, stdout=subprocess.DEVNULL)
        version.write_text(download(package, place, options))
    return place / "tree", version.read_text()


def download(package, place, options):
    """The package with Debian's patches or, if only these cannot be had, its upstream tarball; returns its version."""
    source = ["apt-get", *options, "-q", "source", "--download-only"]
    whole = subprocess.run([*source, package], cwd=place, capture_output=True, text=True)
    if whole.returncode == 0:
        description = next(place.glob("*.dsc"))
        subprocess.run(["dpkg-source", "--no-check", "-x", description.name, "tree"], cwd=place, check=True, stdout=subprocess.DEVNULL)
        return description.stem.split("_")[1]
    if subprocess.run([*source, "--tar-only", package], cwd=place, stdout=subprocess.DEVNULL).returncode != 0:
        raise Trouble(f"could not fetch the source package {package}: {whole.stderr.strip().splitlines()[-1]}")
    tarball = next(place.glob("*.orig.tar.*"))
    (place / "tree").mkdir()
    subprocess.run(["tar", "-xf", tarball.name, "-C", "tree", "--strip-components=1"], cwd=place, check=True)
    return f"{tarball.name.split('_')[1].split('.orig')[0]} (upstream's tarball: Debian's patches could not be fetched)"
