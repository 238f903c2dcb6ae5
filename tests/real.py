"""What tests with real programs share: what is installed once from the registries, and a server with an empty folder."""
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

# What a package of npm asks for in turn is taken as it was on this day.
NPM_BEFORE = "2026-11-29"


def cannot(why):
    """Ends with 2: this machine has not what the test needs, or it was not called right."""
    print(f"{sys.argv[0]}: {why}", flush=True)
    sys.exit(2)


def free(kind=socket.SOCK_STREAM):
    """A port that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cache(name):
    """The folder where what a test installs is kept from run to run, outside of the tree."""
    folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / f"why500-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def once(within, folder, key, make):
    """Makes a folder of the cache, unless it was made of the same."""
    mark = within / f"{folder}.made"
    digest = hashlib.sha256(key.encode()).hexdigest()
    if mark.is_file() and mark.read_text() == digest:
        return within / folder
    print(f"installing {folder} into {within}", flush=True)
    shutil.rmtree(within / folder, ignore_errors=True)
    mark.unlink(missing_ok=True)
    (within / folder).mkdir(parents=True)
    make(within / folder)
    mark.write_text(digest)
    return within / folder


def call(*words, cwd=None):
    """Runs a command of an installation; ends the test where it fails."""
    try:
        done = subprocess.run([str(w) for w in words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as e:
        cannot(f"{words[0]}: {e}")
    if done.returncode:
        print(done.stdout)
        cannot(f"{' '.join(map(str, words))}: exit {done.returncode}")


def npm(package, to):
    """What a package.json names, without scripts of the packages."""
    shutil.copy(package, to)
    call("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"--before={NPM_BEFORE}", cwd=to)


class Server:
    """`why500 serve` with an empty folder: `address`, `dsn`, `syslog` and the `link` by which the first admin signs in."""

    def __init__(self, binary, folder, *options):
        self.syslog = f"127.0.0.1:{free()}"
        self.said = open(folder / "why500.err", "w")
        words = [binary, "serve", "--listen", "127.0.0.1:0", "--tz", "UTC", "--data", folder / "data", "--syslog", self.syslog]
        self.process = subprocess.Popen([*words, *options], stdout=subprocess.PIPE, stderr=self.said, text=True)
        self.address = self.dsn = self.link = None
        while not (self.address and self.dsn and self.link):
            line = self.process.stdout.readline()
            if not line:
                print(f"{sys.argv[0]}: {binary} serve ended at once: {(folder / 'why500.err').read_text()}")
                sys.exit(1)
            if line.startswith("why500 listens on http://"):
                self.address = line.split("http://")[1].split(",")[0]
            if line.startswith("Sentry SDKs: "):
                self.dsn = line.split()[2]
            if line.startswith("to sign in as admin"):
                self.link = line.split()[-1]
        self.http = http.client.HTTPConnection(self.address, timeout=10)

    def get(self, path):
        self.http.request("GET", path)
        answer = self.http.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]}")
        return json.loads(body)
