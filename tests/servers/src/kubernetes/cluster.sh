#!/bin/bash
# A Kubernetes of one node, in namespaces of its own:
#
#   cluster.sh FOLDER NAME PROGRAMS
#
# FOLDER keeps its files, this script among them; NAME is that of its cgroups, which no other cluster may
# have; PROGRAMS is a folder with those of Kubernetes. It runs until its standard input ends. Then everything
# that it started has ended, and the machine is as it was.
set -eu
folder=$1 name=$2 programs=$3
cgroups=/sys/fs/cgroup

if [ -e $cgroups/cgroup.controllers ]; then
    echo "This machine has cgroups of version 2 only, which the cluster is not set up for." >&2
    exit 1
fi
for controller in "$cgroups"/*/; do
    mkdir -p "$controller$name"
done
# A cgroup of this kind takes no process before it knows where that may run.
for setting in cpuset.cpus cpuset.mems; do
    cat "$cgroups/cpuset/$setting" > "$cgroups/cpuset/$name/$setting"
done

status=0
unshare --mount --net --pid --uts --ipc --fork --kill-child \
    bash "$folder/node.sh" "$folder" "$name" "$programs" || status=$?

# Processes that were killed may be counted for a moment longer.
for controller in "$cgroups"/*/; do
    for attempt in {1..100}; do
        find "$controller$name" -depth -type d -exec rmdir {} + 2> /dev/null || true
        [ -d "$controller$name" ] || break
        sleep 0.1
    done
done
exit $status
