# ── The node's own disk; on any node ────────────────────────────────────────────────────────────────────────────────────

complain() { # what, why, what to do
  printf 'perch: %s: %s\n  why: %s\n  fix: %s\n' "${SLURMD_NODENAME:-$HOSTNAME}" "$@" >&2
  exit 2
}

# PERCH_NODE_TMP with its variables, as this node has them.
node_tmp() {
  local text=$PERCH_NODE_TMP result='' name value
  local known=' TMPDIR USER SLURM_JOB_ID SLURM_JOB_USER SLURM_ARRAY_JOB_ID SLURM_TMPDIR LOCAL_SCRATCH LSCRATCH SCRATCH_LOCAL '
  while [[ $text =~ \$(\{([A-Za-z_]+)\}|([A-Za-z_]+)) ]]; do
    name=${BASH_REMATCH[2]:-${BASH_REMATCH[3]}}
    [[ $known == *" $name "* ]] ||
      complain "PERCH_NODE_TMP may not hold \$$name" "it is '$PERCH_NODE_TMP'" "use one of:$known"
    value=${!name:-}
    [[ -n $value || $name != USER ]] || value=$(id -un) # not every system sets it for jobs
    [[ -n $value ]] ||
      complain "\$$name is not set" "PERCH_NODE_TMP is '$PERCH_NODE_TMP'" "set PERCH_NODE_TMP to a folder that every node has"
    result+=${text%%"${BASH_REMATCH[0]}"*}$value
    text=${text#*"${BASH_REMATCH[0]}"}
  done
  printf '%s' "$result$text"
}

# Whether a job is over, as far as Slurm says; no answer is no.
over() {
  local answer
  if answer=$(squeue -h -j "$1" -o %T 2>&1); then [[ -z $answer ]]; else [[ $answer == *'Invalid job id'* ]]; fi
}

# Removes what a launcher that was killed has left in folder $1: the user's own, of a job that is over. One that does not name
# its job must be two days old.
sweep() {
  local left job
  while IFS= read -r -d '' left; do
    job=$(cat "$left/job" 2> /dev/null) || job=
    if [[ -z $job ]]; then
      [[ -n $(find "$left" -maxdepth 0 -mmin +2880) ]] || continue
    elif [[ $job != "$SLURM_JOB_ID" ]]; then
      over "$job" || continue
    fi
    echo "perch: ${SLURMD_NODENAME:-$HOSTNAME}: removing $left, left by ${job:+job }${job:-a job that was killed early}"
    rm -rf "$left"
  done < <(find "$1" -maxdepth 1 -type d -name 'perch-job-????????' -user "$(id -u)" -print0)
}

# Removes copies in folder $1, those used longest ago first, until they take no more than PERCH_STAGE_GB. One that was used in the last ten
# minutes stays; one that is being read goes on being read.
evict() {
  local used size path total=0 now
  [[ -d $1 && -O $1 && ! -L $1 ]] || return 0
  now=$(date +%s)
  while IFS=$'\t' read -r -d '' used size path; do
    if ((total + size > PERCH_STAGE_GB * 1000000000 && now - ${used%.*} > 600)); then
      echo "perch: ${SLURMD_NODENAME:-$HOSTNAME}: removing the copy $path"
      rm -f "$path"
    else
      total=$((total + size))
    fi
  done < <(find "$1" -maxdepth 1 -type f ! -name '.*' -printf '%T@\t%s\t%p\0' | sort -z -rn)
}

# Where the copy of file $2 lies below folder $1. Another file of that name, a newer one too, has another copy.
copy_of() {
  printf '%s/perch-stage-%s/%s-%s-%s' "$1" "$(id -u)" "$(stat -L -c '%s-%Y' "$2")" "$(printf %s "$2" | cksum | cut -d ' ' -f 1)" "$(basename "$2")"
}

# Copies file $2 to this node's disk below folder $1, once, into a folder that is the user's own. Prints where it lies.
staged() {
  local copy folder
  copy=$(copy_of "$1" "$2")
  folder=$(dirname "$copy")
  [[ -d $folder ]] || mkdir -m 700 "$folder" 2> /dev/null || [[ -d $folder ]]
  [[ -O $folder && ! -L $folder ]] || complain "$folder belongs to somebody else" "it is in the way" "set PERCH_NODE_TMP"
  (
    flock 9
    [[ -e $copy ]] || { cp "$2" "$copy.part" && mv "$copy.part" "$copy"; }
    touch "$copy"
  ) 9> "$folder/.lock" || complain "'$2' could not be copied to $folder" "see the line above" "free space there, or set PERCH_STAGE=0"
  printf '%s' "$copy"
}

# The folder is there and takes files, with room for Ray's own (a gigabyte) and for what will be copied.
check_disk() {
  local tmp free path answer needed=1048576
  tmp=$(node_tmp) || exit
  [[ -d $tmp ]] ||
    complain "there is no folder $tmp" "PERCH_NODE_TMP is '$PERCH_NODE_TMP'" "set it to a folder on the node's own disk (site file: node_tmp)"
  answer=$(mktemp "$tmp/.perch-XXXXXXXX" 2>&1) ||
    complain "cannot write to $tmp" "$answer" "set PERCH_NODE_TMP to a folder on the node's own disk that takes files"
  rm -f "$answer"
  sweep "$tmp"
  evict "$tmp/perch-stage-$(id -u)"
  while IFS= read -r path; do
    [[ -z $path || -e $(copy_of "$tmp" "$path") ]] || needed=$((needed + $(stat -L -c %s "$path") / 1024))
  done < <(if ((PERCH_STAGE)); then printf '%s\n' "$PERCH_SIF"; fi; printf '%s\n' "$PERCH_STAGE_DATA")
  free=$(df -k --output=avail "$tmp" | tail -n 1)
  ((free >= needed)) ||
    complain "no room in $tmp" "$((free / 1024)) MiB are free, $((needed / 1024)) are needed" "free space there, or set PERCH_NODE_TMP to another folder"
}

