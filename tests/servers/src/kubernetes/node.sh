#!/bin/bash
# The inside of a cluster, started by cluster.sh as process 1 of its namespaces. When it ends, the kernel ends
# all other processes in here, and takes down the network and the mounts.
set -eu
folder=$1 name=$2 programs=$3
address=10.77.0.1

# Its number outside: /proc is still the one from there.
read -r outside _ < /proc/self/stat
mount -t proc proc /proc

# The cluster's files have the same place in every cluster, and what programs keep elsewhere lies among them.
mount --make-rshared /
mount --bind "$folder" /mnt
for place in run var/log var/lib srv; do
    mkdir -p "/mnt/$place"
    mount --bind "/mnt/$place" "/$place"
done
mkdir -p /run/netns /run/lock /mnt/log /mnt/volumes /srv/broker

# The kubelet sets these for the whole machine. Here it sets files.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    mkdir -p "/mnt/settings/${setting%/*}"
    cat "/proc/sys/$setting" > "/mnt/settings/$setting"
    mount --bind "/mnt/settings/$setting" "/proc/sys/$setting"
done

hostname node
ip link set lo up
ip link add node0 type bridge
ip address add $address/24 dev node0
ip link set node0 up
# Nobody is there; but an address without a route is refused before it could be translated.
ip route add default via 10.77.0.254 dev node0 onlink
echo 1 > /proc/sys/net/ipv4/ip_forward

declare -A started=()

# start PROGRAM ARGUMENT...
start() {
    local program=$1
    shift
    "$program" "$@" < /dev/null > "/mnt/log/${program##*/}" 2>&1 &
    started[$!]=${program##*/}
}

# reach COMMAND...: asks until it succeeds, as long as everything that was started runs.
reach() {
    until "$@" > /dev/null 2>&1; do
        for pid in "${!started[@]}"; do
            if ! kill -0 "$pid" 2> /dev/null; then
                echo "${started[$pid]} ended: see its log" >&2
                exit 1
            fi
        done
        sleep 0.1
    done
}

kubectl() {
    "$programs/kubectl" --kubeconfig /mnt/admin.conf "$@"
}

start containerd --config /mnt/containerd.toml
start "$programs/etcd" --data-dir /mnt/etcd --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380

# The key that signs service accounts, and how the API server is known to the kubelet.
mkdir -p /mnt/certificates
openssl ecparam -genkey -name prime256v1 -noout -out /mnt/certificates/accounts.key
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /O=system:masters/CN=kube-apiserver \
    -keyout /mnt/certificates/api.key -out /mnt/certificates/api.crt 2> /dev/null

cat > /mnt/tokens.csv << 'END'
admin-token,admin,admin,system:masters
node-token,system:node:node,node,system:nodes
END
for user in admin node; do
    cat > "/mnt/$user.conf" << END
apiVersion: v1
kind: Config
clusters:
  - name: tests
    cluster: {server: "https://$address:6443", certificate-authority: certificates/apiserver.crt}
users:
  - name: $user
    user: {token: $user-token}
contexts:
  - name: tests
    context: {cluster: tests, user: $user}
current-context: tests
END
done

start "$programs/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
    --bind-address $address --advertise-address $address --cert-dir /mnt/certificates \
    --authorization-mode Node,RBAC --token-auth-file /mnt/tokens.csv \
    --service-cluster-ip-range 10.96.0.0/16 --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file /mnt/certificates/accounts.key \
    --service-account-signing-key-file /mnt/certificates/accounts.key \
    --kubelet-client-certificate /mnt/certificates/api.crt \
    --kubelet-client-key /mnt/certificates/api.key \
    --kubelet-preferred-address-types InternalIP
reach kubectl get --raw /readyz

# As an administrator they are ready seconds earlier than with an account for each of their parts.
start "$programs/kube-controller-manager" --kubeconfig /mnt/admin.conf --leader-elect=false \
    --authentication-kubeconfig /mnt/admin.conf --authorization-kubeconfig /mnt/admin.conf \
    --service-account-private-key-file /mnt/certificates/accounts.key \
    --root-ca-file /mnt/certificates/apiserver.crt --cert-dir /mnt/certificates/controllers \
    --pvclaimbinder-sync-period 1s
start "$programs/kube-scheduler" --kubeconfig /mnt/admin.conf --leader-elect=false \
    --authentication-kubeconfig /mnt/admin.conf --authorization-kubeconfig /mnt/admin.conf \
    --cert-dir /mnt/certificates/scheduler

reach ctr --address /run/containerd.sock version
ctr --address /run/containerd.sock --namespace k8s.io images import /mnt/pause.tar > /dev/null
start "$programs/kubelet" --config /mnt/kubelet.yaml --kubeconfig /mnt/node.conf \
    --cert-dir /mnt/certificates/kubelet --cgroup-root "/$name" \
    --hostname-override node --node-ip $address
start "$programs/kube-proxy" --config /mnt/proxy.yaml
start "$programs/coredns" -conf /mnt/Corefile

reach kubectl get node/node
reach kubectl wait --for=condition=Ready node/node --timeout=1s
reach kubectl get --namespace default serviceaccount/default
reach curl --fail --silent http://127.0.0.1:8181/ready

echo "$outside" > /mnt/ready.new
mv /mnt/ready.new /mnt/ready
cat > /dev/null
