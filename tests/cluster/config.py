"""The files that the parts of a one-node cluster read (pure)."""

from pathlib import Path

ADDRESS = "10.77.0.1"
NOWHERE = "10.77.0.254"
"""An address on the node's network that nobody has."""

SANDBOX = "localhost/sandbox:1"

USERS = {
    "admin": "admin,admin,admin,system:masters",
    "controllers": "controllers,system:kube-controller-manager,controllers,",
    "scheduler": "scheduler,system:kube-scheduler,scheduler,",
    "proxy": "proxy,system:kube-proxy,proxy,",
    "node": "node,system:node:node1,node1,system:nodes",
}
"""Token (the name itself), user, id and groups, as --token-auth-file wants them."""


def files(cluster: Path, parts: Path) -> dict[str, str]:
    """Return each file's name in the cluster's folder, and its text."""
    return {
        "tokens.csv": "\n".join(USERS.values()) + "\n",
        **{f"{user}.kubeconfig": kubeconfig(cluster, user) for user in USERS},
        "audit.yaml": AUDIT,
        "cni/net.conflist": NETWORK,
        "containerd.toml": containerd(cluster, parts),
        "kubelet.yaml": kubelet(cluster),
        "proxy.yaml": proxy(cluster),
    }


def kubeconfig(cluster: Path, user: str) -> str:
    """Return the kubeconfig of one user."""
    return f"""\
apiVersion: v1
kind: Config
clusters:
- {{name: c, cluster: {{server: "https://{ADDRESS}:6443", certificate-authority: {cluster}/certs/apiserver.crt}}}}
users: [{{name: u, user: {{token: {user}}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
current-context: c
"""


# Admission's audit annotations are all that is looked for; reading and the parts' own traffic would bury them.
AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch]
    resources:
      - {group: "", resources: [pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers]}
      - {group: apps}
      - {group: batch}
  - level: None
"""

NETWORK = """\
{"cniVersion": "1.0.0", "name": "net", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.78.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
"""


def containerd(cluster: Path, parts: Path) -> str:
    """Return containerd's configuration.

    Pulls that stand still are given up after one minute instead of five; runc cannot lower oom_score_adj where it may
    not (nested namespaces).
    """
    return f"""\
version = 3
root = "{cluster}/containerd/root"
state = "{cluster}/containerd/state"
[grpc]
  address = "{cluster}/containerd.sock"
[plugins.'io.containerd.cri.v1.images']
  image_pull_progress_timeout = "1m"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{SANDBOX}"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "{cluster}/hosts.d"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    conf_dir = "{cluster}/cni"
    bin_dirs = ["{parts}/cni"]
"""


def kubelet(cluster: Path) -> str:
    """Return the kubelet's configuration: many pods at once, pulls side by side, images never collected."""
    return f"""\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
containerRuntimeEndpoint: unix://{cluster}/containerd.sock
podLogsDir: {cluster}/podlogs
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
makeIPTablesUtilChains: false
registryPullQPS: 0
eventRecordQPS: 0
serializeImagePulls: false
imageGCHighThresholdPercent: 100
evictionHard: {{memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%"}}
clusterDNS: [{ADDRESS}]
clusterDomain: cluster.local
maxPods: 300
"""


def proxy(cluster: Path) -> str:
    """Return kube-proxy's configuration."""
    return f"""\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: node1
clientConnection: {{kubeconfig: {cluster}/proxy.kubeconfig}}
conntrack: {{maxPerCore: 0}}
"""
