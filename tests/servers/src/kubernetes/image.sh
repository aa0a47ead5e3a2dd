#!/bin/bash
# An image from a folder, for `ctr images import` and `docker load`:
#
#   image.sh FOLDER NAME ENTRYPOINT FILE
set -eu
folder=$1 name=$2 entrypoint=$3 file=$4
parts=$(mktemp -d)
trap 'rm -r "$parts"' EXIT

tar --create --file "$parts/layer.tar" --directory "$folder" \
    --owner 0 --group 0 --numeric-owner --mtime @0 --sort name .
layer=$(sha256sum < "$parts/layer.tar")
cat > "$parts/config.json" << END
{
  "architecture": "amd64", "os": "linux",
  "config": {"Entrypoint": ["$entrypoint"]},
  "rootfs": {"type": "layers", "diff_ids": ["sha256:${layer%% *}"]}
}
END
cat > "$parts/manifest.json" << END
[{"Config": "config.json", "RepoTags": ["$name"], "Layers": ["layer.tar"]}]
END
tar --create --file "$file" --directory "$parts" manifest.json config.json layer.tar
