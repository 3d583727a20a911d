"""What a newsroom deploys: the image, the composition, the proxy and Prometheus' part agree with the program.

No container is built here: these tests read the files, and run what can be run without one.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers import free_port
from wires import openai_wire, reply, serving

from rag import Settings
from ui.cli.main import main
from ui.server import DRAIN_TIMEOUT

REPOSITORY = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LONG_RUNNING = sorted(name for name, service in SERVICES.items() if service["restart"] != "no")
DOCKERFILE = re.sub(r"\\\n\s*", "", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
INSTRUCTIONS = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in DOCKERFILE.splitlines()
    if line.strip() and not line.startswith("#")
]
PINS = dict(line.split("==") for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").split())
SETTINGS = {f"CITECHAT_{name.upper()}" for name in Settings.model_fields}


def told(instruction: str) -> list[str]:
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


# The image


def test_what_the_image_copies_is_there_and_is_sent_to_the_build() -> None:
    sent = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for rest in told("COPY") if "--from" not in rest for source in rest.split()[:-1]}
    assert copied == sent
    assert all((REPOSITORY / source).exists() for source in copied)
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"^packages = (\[.*\])", project, re.MULTILINE)
    assert packages is not None
    assert set(yaml.safe_load(packages[1])) <= copied, "a package of the program is not in the image"


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well() -> None:
    assert told("USER") == ["10001:10001"]
    assert "/healthz" in told("HEALTHCHECK")[0]
    assert told("FROM") == ["python:3.11-slim AS build", "python:3.11-slim"]


def test_the_images_command_is_one_of_the_programs(capsys: pytest.CaptureFixture[str]) -> None:
    entrypoint, command = (yaml.safe_load(told(name)[0]) for name in ("ENTRYPOINT", "CMD"))
    assert entrypoint == ["tini", "--", "citechat"], "in exec form, or no signal would arrive"
    assert main([*command, "--help"]) == 0
    known = capsys.readouterr().out
    assert all(option in known for option in command if option.startswith("--"))


def test_the_model_is_exported_by_what_the_image_runs(tmp_path: Path, models: Path) -> None:
    code = next(shlex.split(rest)[2] for rest in told("RUN") if "load_encoder" in rest)
    target = tmp_path / "models"
    target.symlink_to(models)  # it was exported before, so that this takes no time
    code = code.replace("/var/lib/citechat/models", str(target))
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})


def test_every_setting_that_is_named_is_one() -> None:
    files = ("Dockerfile", "compose.yaml", "deploy/env.example")
    for file in files:
        named = set(re.findall(r"\bCITECHAT_[A-Z_]+", (REPOSITORY / file).read_text(encoding="utf-8")))
        assert named <= SETTINGS, f"{file} names what is no setting"


# The composition


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert service.get("privileged") is None
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ()))


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_is_started_again_and_says_whether_it_is_well(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_the_proxy_alone_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["back"]["internal"] is True
    for name in ("chroma", "database", "prometheus"):
        assert SERVICES[name]["networks"] == ["back"]
    assert "back" not in SERVICES["proxy"]["networks"], "it need not speak with the database"


def test_the_proxy_alone_is_believed_and_no_header_says_who_is_logged_in() -> None:
    settings, proxy = SERVICES["app-1"]["environment"], SERVICES["proxy"]
    assert settings["CITECHAT_TRUSTED_PROXIES"] == proxy["networks"]["front"]["ipv4_address"]
    assert settings["CITECHAT_USER_HEADER"] == "${USER_HEADER:-}", "users log in at the chat, if nothing else is set"
    assert proxy["environment"]["LOGIN"] == "${LOGIN:-citechat}"


def test_no_other_container_gets_a_fixed_address() -> None:
    """Docker gives the addresses of `ip_range`, in any order, to the containers that do not have a fixed one."""
    fixed = [
        (name, ip_address(place["ipv4_address"]))
        for service in SERVICES.values()
        if isinstance(service.get("networks"), dict)
        for name, place in service["networks"].items()
        if "ipv4_address" in place
    ]
    assert len(fixed) == len(set(fixed)) > 0
    for name, address in fixed:
        (config,) = COMPOSE["networks"][name]["ipam"]["config"]
        subnet, others = ip_network(config["subnet"]), ip_network(config["ip_range"])
        assert others.subnet_of(subnet)  # type: ignore[arg-type]
        assert address in subnet
        assert address not in others
        assert address not in (subnet[0], subnet[1], subnet[-1]), "the gateway has the first one"


def test_no_service_runs_as_root_but_one_that_ends_at_once_and_talks_to_nobody() -> None:
    as_root = [name for name, service in SERVICES.items() if service["user"].partition(":")[0] in ("0", "root")]
    assert as_root == ["owner"]
    owner = SERVICES["owner"]
    assert (owner["restart"], owner["network_mode"], "networks" in owner) == ("no", "none", False)
    assert owner["entrypoint"][:3] == ["chown", "-hR", SERVICES["proxy"]["user"]]
    assert told("USER") == [SERVICES["app-1"]["user"]]
    given = {volume.partition(":")[0] for volume in owner["volumes"]}
    for name in ("proxy", "chroma", "ollama"):
        volumes = {volume.partition(":")[0] for volume in SERVICES[name]["volumes"] if not volume.startswith("./")}
        assert volumes <= given
        assert SERVICES[name]["depends_on"]["owner"] == {"condition": "service_completed_successfully"}


def test_no_service_takes_all_processors_or_all_memory() -> None:
    for name, service in SERVICES.items():
        most = str(service["cpus"])
        assert re.fullmatch(r"[\d.]+|\$\{\w+:-[\d.]+\}", most), name
        assert float(most.rpartition("-")[2].strip("}")) <= 2, "more than the smallest machine has"


def test_the_copies_are_alike_and_keep_their_homes_apart() -> None:
    first, second = SERVICES["app-1"], SERVICES["app-2"]
    assert {**first, "volumes": []} == {**second, "volumes": []}
    assert first["volumes"] != second["volumes"]
    for name in ("app-1", "app-2"):
        assert f"{name}:7860" in SERVICES["proxy"]["environment"]["COPIES"]
        assert name in SERVICES[name]["environment"]["CITECHAT_HOSTS"].split(",")


def test_servers_have_the_versions_that_the_program_is_tested_with() -> None:
    assert SERVICES["chroma"]["image"] == f"chromadb/chroma:{PINS['chromadb']}"
    assert all(":" in service["image"] and not service["image"].endswith(":latest") for service in SERVICES.values())


def test_volumes_networks_secrets_and_files_that_are_named_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.rpartition(":/")[0].removesuffix(":ro") if ":ro" not in volume else volume.split(":/")[0]
            if source.startswith("./"):
                assert (REPOSITORY / source).is_file()
            elif not source.startswith("$"):
                assert source in COMPOSE["volumes"]
        assert set(service.get("networks", ())) <= set(COMPOSE["networks"])
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_a_copy_is_given_more_time_to_end_than_it_takes() -> None:
    assert float(SERVICES["app-1"]["stop_grace_period"].removesuffix("s")) > DRAIN_TIMEOUT + 5


def test_what_must_be_written_into_the_environment_is_named_in_its_example() -> None:
    text = (REPOSITORY / "compose.yaml").read_text(encoding="utf-8")
    example = dict(
        line.split("=", 1)
        for line in (REPOSITORY / "deploy" / "env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= set(example)
    assert set(example) <= set(re.findall(r"\$\{(\w+)", text))
    assert example["POSTGRES_PASSWORD"] == "", "a password that everybody knows would be kept"


def test_prometheus_asks_every_copy_with_a_key() -> None:
    prometheus = yaml.safe_load((REPOSITORY / "deploy" / "prometheus.yaml").read_text(encoding="utf-8"))
    (job,) = prometheus["scrape_configs"]
    (targets,) = job["static_configs"]
    assert targets["targets"] == SERVICES["proxy"]["environment"]["COPIES"].split()
    secret = Path(job["authorization"]["credentials_file"])
    assert secret.parent == Path("/run/secrets")
    assert secret.name in SERVICES["prometheus"]["secrets"]


# Ending


def test_a_chat_that_is_told_to_end_finishes_the_answer_that_it_is_giving(samples_home: Path) -> None:
    rest = threading.Event()
    whole = reply("openai", openai_wire(["Zhou Hongyi founded 360 Security Technology [1]."]))
    cut = whole.index(b"data: [DONE]")
    answers: list[bytes] = []
    port = free_port()
    with serving([whole[:cut], rest, whole[cut:]]) as model:
        settings = {"HOME": str(samples_home), "LLM": "openai:tiny", "LLM_BASE_URL": f"{model.url}/v1"}
        settings |= {"LLM_CONTEXT_TOKENS": "8192"}  # the LLM is then asked nothing but the question
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CITECHAT_")}
        environment |= {f"CITECHAT_{name}": value for name, value in settings.items()}
        environment |= {"PYTHONPATH": str(REPOSITORY), "OPENAI_API_KEY": "none", "GRADIO_ANALYTICS_ENABLED": "False"}
        code = "import sys; from ui.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "chat", "--no-browser", "--port", str(port)]
        chat = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until(lambda: _listens(port))
            question = b'{"question": "Who founded 360 Security Technology?"}'
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/ask", question, {"Content-Type": "application/json"}
            )
            asking = threading.Thread(target=lambda: answers.append(urllib.request.urlopen(request).read()))
            asking.start()
            _wait_until(lambda: bool(model.requests))
            chat.send_signal(signal.SIGTERM)
            _wait_until(lambda: not _listens(port))
            assert not answers
            assert chat.poll() is None, "it must not leave in the midst of an answer"
            rest.set()
            asking.join(300)
            assert chat.wait(300) == 0
        finally:
            rest.set()
            chat.kill()
            chat.wait()
    assert b"Zhou Hongyi" in answers[0]


def _listens(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
