"""A Debian of another processor, run by qemu: what a board has, without one and without root.

It proves that edge-all installs there and what it computes; its times mean nothing.
"""

from __future__ import annotations

import ensurepip
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

_SUITES = {"3.11": "bookworm", "3.13": "trixie"}  # Debian's Python
_MIRROR = "http://deb.debian.org/debian"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PACKAGES = ("libstdc++6", "libgcc-s1", "zlib1g", "libatomic1", "ca-certificates")
_OF_ARMHF = ("python3-numpy", "python3-opencv")  # no wheels of them for 32-bit ARM


class NotHere(Exception):
    """This machine lacks what an environment is made from; says what."""


@dataclass(frozen=True)
class _Processor:
    debian: str
    qemu: str
    cpu: str  # never qemu's "max": it has instructions no board has, on which kernels are wrong
    part: str
    features: str


_PROCESSORS = {
    "aarch64": _Processor(
        "arm64", "qemu-aarch64-static", "cortex-a72", "0xd08", "fp asimd evtstrm crc32 cpuid"
    ),
    "armhf": _Processor(
        "armhf",
        "qemu-arm-static",
        "cortex-a7",
        "0xd08",
        "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32",
    ),
}


class Userland:
    """A Debian under a folder, of which only Python runs.

    Parameters
    ----------
    architecture : str
        ``aarch64`` or ``armhf``.
    python : str
        Version of Python, which says of which Debian.
    folder : Path
        Absolute; may be there from an earlier time.
    """

    NEEDS = ("apt-get", "dpkg-deb", "qemu-aarch64-static", "qemu-arm-static")

    def __init__(self, architecture: str, python: str, folder: Path) -> None:
        self._processor = _PROCESSORS[architecture]
        self._python = python
        self._suite = _SUITES[python]
        self._is_32 = architecture == "armhf"
        self._apt = folder / "apt"
        self._root = folder / "root"
        self._site = folder / "site"
        self._packages_of_pip = folder / "packages"

    @property
    def command(self) -> list[str]:
        """What starts its Python, with what was installed."""
        settings = {
            "QEMU_CPU": self._processor.cpu,
            "PYTHONPATH": str(self._packages_of_pip),
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return [
            *("env", "--unset=PYTHONHOME"),
            *(f"{name}={value}" for name, value in settings.items()),
            *(self._processor.qemu, "-L", str(self._root)),
            str(self._root / "usr/bin" / f"python{self._python}"),
        ]

    def unpack(self) -> None:
        """Fetch Debian's packages and unpack them."""
        for folder in ("usr/bin", "usr/sbin", "usr/lib", "tmp", "proc"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        for folder in ("bin", "sbin", "lib"):
            if not (self._root / folder).is_symlink():
                (self._root / folder).symlink_to(f"usr/{folder}")
        for package in self._packages():
            self._unpack_one(package)
        self._choose_algebra()
        # Emulated programs see the host's processor, of whose instructions some runtimes take
        # them to have all; a file below the root is looked at first.
        (self._root / "proc/cpuinfo").write_text(self._cpuinfo(), encoding="ascii")

    def pip_install(self, asked: str) -> None:
        """Install with pip, run by the emulated Python: it sees what a board would see."""
        if self._site.exists():
            shutil.rmtree(self._site)
        pip = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
        self._call(
            *(*self.command, str(pip / "pip"), "install", "--quiet", "--only-binary=:all:"),
            *("--disable-pip-version-check", "--no-compile", "--prefix", str(self._site), asked),
        )
        # with --target pip would not see what is Debian's; where below a prefix, Debian says
        (installed,) = self._site.glob("**/edge_all-*.dist-info")
        self._packages_of_pip.symlink_to(installed.parent)

    def forget(self, distribution: str) -> None:
        """Remove the modules of a distribution."""
        shutil.rmtree(self._packages_of_pip / distribution.replace("-", "_"))

    def _packages(self) -> list[Path]:
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (self._apt / folder).mkdir(parents=True, exist_ok=True)
        (self._apt / "status").touch()
        sources = self._apt / "sources.list"
        sources.write_text(f"deb [signed-by={_KEYRING}] {_MIRROR} {self._suite} main\n")
        debian = self._processor.debian
        settings = {
            "APT::Architecture": debian,
            "APT::Architectures": debian,
            "Dir::State": self._apt / "state",
            "Dir::State::status": self._apt / "status",
            "Dir::Cache": self._apt / "cache",
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }
        apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
        try:
            self._call(*apt, "update")
        except RuntimeError as error:
            raise NotHere(f"Debian's packages cannot be had: {error}") from error
        python = (f"python{self._python}-minimal", f"libpython{self._python}-stdlib")
        wanted = (*python, *_PACKAGES, *(_OF_ARMHF if self._is_32 else ()))
        self._call(*apt, "--yes", "--no-install-recommends", "--download-only", "install", *wanted)
        return sorted((self._apt / "cache/archives").glob("*.deb"))

    def _unpack_one(self, package: Path) -> None:
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
        ) as packed:
            assert packed.stdout is not None
            with tarfile.open(fileobj=packed.stdout, mode="r|") as archive:
                archive.extractall(self._root, filter="tar")
        if packed.returncode:
            raise RuntimeError(f"{package.name} does not unpack")

    def _choose_algebra(self) -> None:
        """Link the libraries of linear algebra, as update-alternatives would."""
        for name in ("blas/libblas.so.3", "lapack/liblapack.so.3"):
            for library in self._root.glob(f"usr/lib/*/{name}"):
                link = library.parents[1] / library.name
                if not link.is_symlink():
                    link.symlink_to(Path(name))

    def _cpuinfo(self) -> str:
        one = (
            "processor\t: {}\nBogoMIPS\t: 108.00\nFeatures\t: {}\nCPU implementer\t: 0x41\n"
            "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {}\nCPU revision\t: 3\n\n"
        )
        return "".join(
            one.format(core, self._processor.features, self._processor.part) for core in range(4)
        )

    def _call(self, *command: str) -> None:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, env=os.environ)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
