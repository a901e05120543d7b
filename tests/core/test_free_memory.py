"""What a container or a batch system gives is all there is."""

import subprocess
import sys

import psutil
import pytest

from napari_unet.core.free_memory import free_in_groups, free_memory

UNLIMITED_V1 = 9223372036854771712


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def member_of(root, text):
    write(root / "proc" / "self", cgroup=text)
    return root / "sys" / "fs" / "cgroup"


def limited(limit, used, files=0):
    stat = f"anon 7\ninactive_file {files}\nactive_file 9"
    return {"memory__max": limit, "memory__current": used, "memory__stat": stat}


def limited_in_v1(limit, used, files=0):
    return {
        "memory__limit_in_bytes": limit,
        "memory__usage_in_bytes": used,
        "memory__stat": f"cache 7\ninactive_file 1\ntotal_inactive_file {files}",
    }


def test_the_smallest_of_the_groups_above_counts(tmp_path):
    top = member_of(tmp_path, "0::/job/step/task")
    write(top / "job", **limited(4000, 1000, 200))
    write(top / "job" / "step", **limited("max", 900))
    write(top / "job" / "step" / "task", **limited(9000, 800))
    assert sorted(free_in_groups(tmp_path)) == [3200, 8200]


@pytest.mark.parametrize("name", ["/", "/docker/0a1b"])
def test_in_a_container_its_own_group_is_the_topmost(tmp_path, name):
    top = member_of(tmp_path, f"0::{name}")
    write(top, **limited(5000, 1000, 500))
    assert list(free_in_groups(tmp_path)) == [4500]


def test_groups_of_version_1_count_too(tmp_path):
    top = member_of(
        tmp_path, "5:cpu,cpuacct:/job\n3:memory:/slurm/job_7\n1:name=systemd:/\n0::/"
    )
    write(top / "memory", **limited_in_v1(UNLIMITED_V1, 10))
    write(top / "memory" / "slurm" / "job_7", **limited_in_v1(8000, 6000, 1000))
    assert min(free_in_groups(tmp_path)) == 3000


def test_where_there_are_no_groups_nothing_limits(tmp_path):
    assert list(free_in_groups(tmp_path)) == []
    member_of(tmp_path, "0::/gone")
    assert list(free_in_groups(tmp_path)) == []


def test_without_limits_it_is_what_the_computer_has():
    available = psutil.virtual_memory().available
    assert 0 < free_memory() < 1.2 * available


@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory as Linux does")
def test_a_limit_of_the_shell_counts():
    code = (
        "import resource, psutil\n"
        "from napari_unet.core.free_memory import free_memory\n"
        "taken = psutil.Process().memory_info().vms\n"
        "limit = taken + 500_000_000\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "print(free_memory())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert 300_000_000 < int(ended.stdout) <= 500_000_000
