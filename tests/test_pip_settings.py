"""What of this machine's pip a build is given, what it is not, and how that is told."""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path

import pytest

from dockerlearn.diagnose.advice.build_said import pip_said
from dockerlearn.errors import SetupFailed
from dockerlearn.setup.pip_settings import files, listed, read

UNREACHABLE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<x>: Failed to establish a new \
connection: [Errno -3] Temporary failure in name resolution')': /simple/fastapi/
ERROR: Could not find a version that satisfies the requirement fastapi==1.0 (from versions: none)
ERROR: No matching distribution found for fastapi==1.0
"""
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def settings(conf: str) -> dict[str, str]:
    """What pip would read in the file."""
    parser = configparser.RawConfigParser()
    parser.read_string(conf)
    return dict(parser["global"]) if parser.has_section("global") else {}


def test_where_nothing_is_set_the_files_are_comments() -> None:
    made = files({}, {})
    assert settings(made.conf) == {}
    assert all(line.startswith("#") for text in (made.conf, made.ca) for line in text.splitlines())


def test_an_index_extra_ones_and_whom_to_trust_are_taken_over() -> None:
    made = files(
        {
            "index-url": "https://index.example/simple",
            "extra-index-url": "http://one.example/simple\nhttp://two.example/a%20b",
            "trusted-host": "one.example two.example",
        },
        {},
    )
    assert settings(made.conf) == {
        "index-url": "https://index.example/simple",
        "extra-index-url": "http://one.example/simple\nhttp://two.example/a%20b",
        "trusted-host": "one.example\ntwo.example",
    }
    assert "Left out" not in made.conf


def test_folders_of_this_machine_are_left_out_and_said() -> None:
    made = files({"find-links": "/opt/wheels https://links.example/x", "extra-index-url": "file:///opt/simple"}, {})
    assert settings(made.conf) == {"find-links": "https://links.example/x"}
    assert "# Left out: extra-index-url file:///opt/simple: it is on this machine" in made.conf
    assert "# Left out: find-links /opt/wheels: it is on this machine" in made.conf


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"index-url": "http://127.0.0.1:3141/simple"}, "in a container, 127.0.0.1 is the container itself"),
        ({"index-url": "http://localhost/simple"}, "localhost is the container itself"),
        ({"index-url": "http://[::1]:8000/simple"}, "::1 is the container itself"),
        ({"index-url": "file:///srv/simple"}, "a container does not see it"),
        ({"index-url": "/srv/simple"}, "a container does not see it"),
        ({"no-index": "true", "find-links": "/opt/wheels"}, "a container does not see it"),
        ({"proxy": "127.0.0.1:3128"}, "the proxy http://127.0.0.1:3128"),
    ],
)
def test_what_a_build_cannot_reach_is_told_when_the_lesson_begins(given: dict[str, str], said: str) -> None:
    with pytest.raises(SetupFailed) as told:
        files(given, {})
    assert said in told.value.message
    assert told.value.remedy is not None
    assert "dockerlearn start" in told.value.remedy


def test_names_and_passwords_do_not_get_into_an_image(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(PEM + "-----BEGIN PRIVATE KEY-----\nx\n")
    made = files(
        {
            "index-url": "https://ann:secret@index.example:8443/simple",
            "extra-index-url": "file://ann:secret@here/simple",
            "proxy": "http://ann:secret@proxy.example:3128",
            "client-cert": str(key),
            "cert": str(key),
        },
        {},
    )
    assert "secret" not in made.conf
    assert "ann" not in made.conf
    assert settings(made.conf) == {
        "index-url": "https://index.example:8443/simple",
        "proxy": "http://proxy.example:3128",
    }
    assert made.conf.count("# Left out: the name and password") == 2
    assert "client-cert" in made.conf
    assert "PRIVATE" not in made.ca
    with pytest.raises(SetupFailed) as told:
        files({"index-url": "http://ann:secret@localhost/simple"}, {})
    assert "secret" not in told.value.message


def test_authorities_come_along_from_pips_setting_or_the_environment(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(PEM)
    for made in (files({"cert": str(bundle)}, {}), files({}, {"REQUESTS_CA_BUNDLE": str(bundle)})):
        assert settings(made.conf) == {"cert": "/etc/pip-ca.pem"}
        assert made.ca == PEM.strip()
    gone = files({"cert": str(tmp_path / "none.pem")}, {})
    assert settings(gone.conf) == {}
    assert "none.pem: No such file" in gone.conf
    assert gone.ca.startswith("#")


def test_a_proxy_of_the_environment_is_taken_over_unless_pip_has_its_own() -> None:
    environ = {"HTTPS_PROXY": "http://proxy.example:3128"}
    assert settings(files({}, environ).conf) == {"proxy": "http://proxy.example:3128"}
    assert settings(files({"proxy": "http://own.example:1"}, environ).conf) == {"proxy": "http://own.example:1"}


def test_what_pip_lists_is_read_as_pip_heeds_it() -> None:
    text = (
        "global.index-url='http://global.example'\ninstall.index-url='http://install.example'\n"
        "download.index-url='http://download.example'\nglobal.trusted-host='\\na\\nb'\n"
        ":env:.proxy='http://proxy.example'\nno sense\nglobal.timeout=broken'\n"
    )
    assert listed(text) == {
        "index-url": "http://install.example",
        "trusted-host": "a\nb",
        "proxy": "http://proxy.example",
    }


def test_the_settings_are_those_of_the_pip_that_is_there(tmp_path: Path) -> None:
    conf = tmp_path / "pip.conf"
    conf.write_text("[global]\nindex-url = http://index.example/simple\n")
    environ = {"PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path), "PIP_CONFIG_FILE": str(conf)}
    assert read(environ)["index-url"] == "http://index.example/simple"
    assert read({**environ, "PIP_INDEX_URL": "http://env.example"})["index-url"] == "http://env.example"


def test_without_a_pip_the_environment_still_counts(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "PIP_INDEX_URL": "http://env.example", "HOME": os.devnull}
    assert read(environ, str(tmp_path / "python")) == {"index-url": "http://env.example"}


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        (UNREACHABLE, "no way to an index"),
        (
            "ERROR: No matching distribution found for fastapi==1.0 (from -r requirements.txt (line 1))",
            "not in the index",
        ),
        (
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate …",
            "no trust in the index",
        ),
        ("ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'x'", None),
    ],
)
def test_why_pip_found_nothing_is_told(printed: str, name: str | None) -> None:
    told = pip_said(printed)
    assert (told and told.name) == name
    assert told is None or len(told.say) < 300
