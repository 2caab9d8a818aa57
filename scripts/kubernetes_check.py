"""Carries out the jobs in deploy/kubernetes on a real control plane (etcd, kube-apiserver, job controller).

    scripts/kubernetes_check.py BINARIES MATSENSE

BINARIES is the folder of the three programs (scripts/kubernetes-check builds them), MATSENSE the command.
This program stands in for the nodes: it binds each pod to a node, runs its containers as processes of this
machine, with the paths of its volumes replaced by folders, and reports how they ended. Some pods are evicted
meanwhile. The results are compared with those of the command alone. Images, GPUs and mounts are not checked.
"""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parent.parent / "deploy" / "kubernetes"
NAMESPACE = "matsense"
TOKEN = "token-of-the-check"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(seconds, what, condition):
    """Waits until the condition is true, and returns its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            sys.exit(f"kubernetes_check: after {seconds} s: {what}")
        time.sleep(0.2)
    return value


class ControlPlane:
    """A control plane on loopback; its data is in a folder."""

    def __init__(self, folder):
        self.folder, self.processes, self.port = folder, [], free_port()
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def begin_all(self, binaries):
        folder, etcd, peers = self.folder, free_port(), free_port()
        key = folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        tokens = folder / "tokens.csv"
        tokens.write_text(f"{TOKEN},admin,admin,system:masters\n")
        self.begin(binaries / "server", "--data-dir", folder / "etcd", "--unsafe-no-fsync",
                   "--listen-client-urls", f"http://127.0.0.1:{etcd}",
                   "--advertise-client-urls", f"http://127.0.0.1:{etcd}",
                   "--listen-peer-urls", f"http://127.0.0.1:{peers}")
        # Pods need no service account here, and nobody makes the default one.
        self.begin(binaries / "kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{etcd}",
                   "--bind-address", "127.0.0.1", "--secure-port", self.port, "--cert-dir", folder / "certs",
                   "--service-account-issuer", "https://kubernetes.default.svc",
                   "--service-account-key-file", key, "--service-account-signing-key-file", key,
                   "--token-auth-file", tokens, "--authorization-mode", "AlwaysAllow",
                   "--service-cluster-ip-range", "10.0.0.0/24",
                   "--disable-admission-plugins", "ServiceAccount")
        until(180, "kube-apiserver is not ready", self.ready)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "check",
            "clusters": [{"name": "check", "cluster": {
                "server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}}],
            "users": [{"name": "check", "user": {"token": TOKEN}}],
            "contexts": [{"name": "check", "context": {"cluster": "check", "user": "check"}}]}))
        self.begin(binaries / "kube-controller-manager", "--kubeconfig", kubeconfig,
                   "--controllers", "job-controller", "--leader-elect=false", "--secure-port", "0")

    def begin(self, program, *arguments):
        log = open(self.folder / f"{program.name}.log", "wb")
        self.processes.append(subprocess.Popen([program, *map(str, arguments)], stdout=log, stderr=log))

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def ready(self):
        try:
            self.request("GET", "/readyz")
            return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def request(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
        with urllib.request.urlopen(request, context=self.tls) as answer:
            text = answer.read()
        return json.loads(text) if text[:1] == b"{" else text

    def path(self, kind, name=""):
        group = "/apis/batch/v1" if kind == "jobs" else "/api/v1"
        return f"{group}/namespaces/{NAMESPACE}/{kind}" + (f"/{name}" if name else "")

    def create(self, thing):
        """Creates an object. The server refuses unknown fields."""
        kind = {"ConfigMap": "configmaps", "Job": "jobs", "PersistentVolumeClaim": "persistentvolumeclaims"}
        self.request("POST", self.path(kind[thing["kind"]]) + "?fieldValidation=Strict", thing)

    def get(self, kind, name=""):
        return self.request("GET", self.path(kind, name))


class Node(threading.Thread):
    """Stands in for a node: carries out every pod that appears, until it is stopped."""

    def __init__(self, plane, matsense, folder):
        super().__init__(daemon=True)
        self.plane, self.matsense, self.folder = plane, matsense, folder
        self.pods, self.stopped = {}, threading.Event()

    def run(self):
        while not self.stopped.is_set():
            for pod in self.plane.get("pods")["items"]:
                name = pod["metadata"]["name"]
                if name not in self.pods:
                    self.pods[name] = Pod(self, pod)
                    self.pods[name].start()
                elif "deletionTimestamp" in pod["metadata"]:
                    self.pods[name].terminate()
            time.sleep(0.2)

    def end(self):
        """Stops, and ends what pods are still doing."""
        self.stopped.set()
        if self.is_alive():
            self.join()
        for pod in self.pods.values():
            if pod.process is not None and pod.process.poll() is None:
                pod.process.kill()


class Pod(threading.Thread):
    """A pod that runs its containers, one after the other, as processes."""

    def __init__(self, node, pod):
        super().__init__(daemon=True)
        self.node, self.plane, self.pod = node, node.plane, pod
        self.name = pod["metadata"]["name"]
        self.index = pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index")
        self.process, self.terminated = None, False
        self.log = node.folder / f"{self.name}.log"

    def run(self):
        try:
            self.live()
        except (urllib.error.URLError, ConnectionError):
            if not self.node.stopped.is_set():
                raise

    def live(self):
        self.plane.request("POST", self.plane.path("pods", self.name) + "/binding", {
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": self.name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": "here"}})
        self.report("Running")
        spec, code, container = self.pod["spec"], 0, None
        for container in spec.get("initContainers", []) + spec["containers"]:
            code = self.carry_out(container)
            if code != 0:
                break
        self.report("Succeeded" if code == 0 else "Failed", container, code)
        if self.terminated:
            self.plane.request("DELETE", self.plane.path("pods", self.name) + "?gracePeriodSeconds=0")

    def report(self, phase, container=None, code=0):
        status = {"phase": phase}
        if container is not None:
            status["containerStatuses"] = [{
                "name": container["name"], "image": container["image"], "imageID": "", "ready": False,
                "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": "Ended"}}}]
        self.plane.request("PATCH", self.plane.path("pods", self.name) + "/status", {"status": status},
                           "application/strategic-merge-patch+json")

    def volume(self, name):
        """The folder of a volume: a claim's is shared by all pods."""
        volume = next(v for v in self.pod["spec"]["volumes"] if v["name"] == name)
        if "persistentVolumeClaim" in volume:
            folder = self.node.folder / volume["persistentVolumeClaim"]["claimName"]
            folder.mkdir(exist_ok=True)
            return folder
        folder = self.node.folder / f"{self.name}-{name}"
        folder.mkdir(exist_ok=True)
        for key, text in self.plane.get("configmaps", volume["configMap"]["name"])["data"].items():
            (folder / key).write_text(text)
        return folder

    def carry_out(self, container):
        folders = {m["mountPath"]: str(self.volume(m["name"])) for m in container["volumeMounts"]}

        def here(text):
            for path, folder in folders.items():
                text = re.sub(rf"(?<![\w/]){path}(?![\w])", folder, text)
            return text

        variables = {}
        for variable in container.get("env", []):
            value = variable.get("value", "")
            if "valueFrom" in variable:  # the job controller names the pod's index by its label or annotation
                field = variable["valueFrom"]["fieldRef"]["fieldPath"]
                kind, key = re.fullmatch(r"metadata\.(labels|annotations)\['(.*)'\]", field).groups()
                value = self.pod["metadata"][kind][key]
            variables[variable["name"]] = here(value)
        words = container.get("command", [self.node.matsense]) + container.get("args", [])
        words = [re.sub(r"\$\((\w+)\)", lambda m: variables[m[1]], here(word)) for word in words]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, env={"PATH": os.environ["PATH"], **variables}, stdout=log,
                                            stderr=log, cwd=self.node.folder)
            code = self.process.wait()
        return code if code >= 0 else 128 - code

    def terminate(self):
        if not self.terminated and self.process is not None:
            self.terminated = True
            self.process.send_signal(signal.SIGTERM)

    def evict(self):
        self.plane.request("POST", self.plane.path("pods", self.name) + "/eviction", {
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": self.name}})

    def says(self, text):
        return self.log.exists() and re.search(text, self.log.read_text(), re.M)


def manifests(file, settings, name=None):
    """The objects of a file, with other settings and, if wanted, another name."""
    things = list(yaml.safe_load_all((DEPLOY / file).read_text()))
    text = json.dumps(things)
    if name:
        text = text.replace(f'"{things[0]["metadata"]["name"]}"', f'"{name}"')
    things = json.loads(text)
    for thing in things:
        if thing["kind"] == "ConfigMap":
            thing["data"] = {key: settings for key in thing["data"]}
    return things


def main():
    binaries, matsense = Path(sys.argv[1]), str(Path(sys.argv[2]).resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("kubernetes_check: terminated"))
    with tempfile.TemporaryDirectory() as folder:
        plane = node = None
        try:
            plane = ControlPlane(Path(folder))
            plane.begin_all(binaries)
            node = Node(plane, matsense, Path(folder))
            check(plane, node, matsense, Path(folder))
        except BaseException:
            for log in sorted(Path(folder).glob("*.log")):
                print(f"\n{log.name}, its end:\n{log.read_text(errors='replace')[-600:]}", file=sys.stderr)
            raise
        finally:
            if node:
                node.end()
            if plane:
                plane.end()


def check(plane, node, matsense, folder):
    # The server refuses pods that do not keep to the strictest security standard.
    plane.request("POST", "/api/v1/namespaces", {
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    node.start()
    for thing in manifests("pvc.yaml", ""):
        plane.create(thing)

    def pods(job):
        return [p for p in list(node.pods.values()) if p.pod["metadata"]["labels"]["job-name"] == job]

    def ended(job):
        status = plane.get("jobs", job).get("status", {})
        return {c["type"]: status for c in status.get("conditions", []) if c["status"] == "True"}

    def reference(*words):
        subprocess.run([matsense, *words], check=True, capture_output=True)

    # A sweep of eight parts, of which one is evicted.
    sweep = """base: {n: 30, rank: 2, measurements: 400, iterations: 12000, device: cpu, step: 1e-4}
axes: [alpha: [1e-3, 1e-2, 1e-1]]
seeds: 8
"""
    for thing in manifests("sweep.yaml", sweep):
        plane.create(thing)
    first = until(180, "no pod of the sweep has begun", lambda: next(
        (p for p in pods("matsense-sweep") if p.index == "3" and p.says(r"^\d+ groups? ")), None))
    first.evict()
    status = until(240, "the sweep does not end", lambda: ended("matsense-sweep").get("Complete"))
    assert status["completedIndexes"] == "0-7", status
    for pod in pods("matsense-sweep"):
        part = int(pod.index) + 1
        assert pod.says(rf"^part {part} of 8, by Kubernetes' job: 3 runs$"), pod.log.read_text()
    third = [p for p in pods("matsense-sweep") if p.index == "3"]
    assert len(third) == 2 and first.says("^interrupted: "), [p.log.read_text() for p in third]
    (folder / "sweep.yaml").write_text(sweep)
    reference("sweep", str(folder / "sweep.yaml"), "--out", str(folder / "alone"))
    for table in ["runs.csv", "runs.parquet", "trajectories.parquet"]:
        swept = folder / "matsense-runs" / "sweep" / table
        assert swept.read_bytes() == (folder / "alone" / table).read_bytes(), f"{table} differs"
    print("a sweep of eight pods, one of them evicted, has the tables of one machine")

    # A run that is evicted.
    settings = "n: 40\nrank: 2\nmeasurements: 600\niterations: 40000\nmeasure-every: 1000\ndevice: cpu\n"
    for thing in manifests("job.yaml", settings):
        plane.create(thing)
    first = until(180, "the run does not begin", lambda: next(
        (p for p in pods("matsense-paper") if p.says(r"^iteration [1-9]")), None))
    first.evict()
    until(240, "the run does not end", lambda: ended("matsense-paper").get("Complete"))
    both = pods("matsense-paper")
    assert len(both) == 2 and both[1].says("^going on from iteration "), [p.log.read_text() for p in both]
    (folder / "config.yaml").write_text(settings)
    reference("run", "--config", str(folder / "config.yaml"), "--out", str(folder / "alone-run"))
    factor = folder / "matsense-runs" / "paper" / "factor.npy"
    assert factor.read_bytes() == (folder / "alone-run" / "factor.npy").read_bytes(), "factor.npy differs"
    print("a run that was evicted has the factor of a run that was not")

    # Mistakes are not tried again.
    for file, name, settings in [("sweep.yaml", "sweep-mistake", "base: {n: -1}\n"),
                                 ("job.yaml", "run-mistake", "n: -1\n")]:
        things = manifests(file, settings, name)
        for thing in things:
            plane.create(json.loads(json.dumps(thing).replace("/work/runs/", "/work/runs/mistake-")))
        until(180, f"{name} does not fail", lambda: ended(name).get("Failed"))
        count = len(pods(name))
        assert count == things[1]["spec"].get("completions", 1), f"{name} has had {count} pods"
    print("jobs with mistakes end at once")


if __name__ == "__main__":
    main()
