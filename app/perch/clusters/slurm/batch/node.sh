# ── On every node ───────────────────────────────────────────────────────────────────────────────────────────────────────

# The runtime as words. A path with spaces is one word where it names a program.
runtime() {
  if command -v "$PERCH_RUNTIME" > /dev/null; then words=("$PERCH_RUNTIME"); else read -r -a words <<< "$PERCH_RUNTIME"; fi
  command -v "${words[0]:-}" > /dev/null ||
    complain "no '${words[0]:-}' here" "it is not on PATH: $PATH" "load its module (site file: modules), or set PERCH_RUNTIME=singularity"
}

# What the container is started with: `options`. The node's disk $1 is /node-tmp inside, whatever it is called outside.
container() {
  local path more
  options=(--cleanenv --no-home --pwd "$PWD" --bind "$1:/node-tmp")
  while IFS= read -r path; do
    [[ -n $path ]] || continue
    [[ $path != *[:,]* ]] ||
      complain "'$path' cannot be shown in the container" "its name holds a colon or a comma" "rename it, or give a link without them"
    [[ -r $path ]] ||
      complain "'$path' cannot be read" "it does not exist here, or its mode forbids it" "put it where all nodes see it"
    options+=(--bind "$path")
  done < <(printf '%s\n' "$PWD" "$PERCH_OUT" "$PERCH_CODE_DIR" "$PERCH_NEEDED" | sort -u)
  while IFS= read -r path; do
    [[ -n $path ]] || continue
    [[ -e ${path%%:*} ]] ||
      complain "'${path%%:*}' cannot be shown in the container" "it does not exist here" "correct PERCH_BINDS (site file: binds): one per line"
    [[ " ${options[*]} " == *" --bind $path "* ]] || options+=(--bind "$path")
  done <<< "$PERCH_BINDS"
  if ((PERCH_PRIVATE_PIDS)); then options+=(--pid); fi
  [[ -z $PERCH_GPU_FLAG || -z $PERCH_GPUS_PER_NODE ]] || options+=("$PERCH_GPU_FLAG")
  more=$(xargs -r printf '%s\n' <<< "$PERCH_CONTAINER_OPTIONS") ||
    complain "PERCH_CONTAINER_OPTIONS cannot be read" "a quote is not closed: $PERCH_CONTAINER_OPTIONS" "close it"
  while IFS= read -r path; do
    [[ -z $path ]] || options+=("$path")
  done <<< "$more"
}

# Runs on every node before anything starts, on the host. Bad input ends it with 2; anything else is a fault of the moment.
preflight() {
  local words options answer tmp
  runtime
  ls "$job_dir" > /dev/null 2>&1 # makes a network file system look again
  [[ $(cat "$job_dir/canary" 2> /dev/null) == "$SLURM_JOB_ID" ]] ||
    complain "the job's folder $job_dir is not seen" "PERCH_OUT is not on a file system that all nodes share" "set it to one that is"
  (head -c 1048576 /dev/zero > "$job_dir/.room-$SLURM_NODEID") 2> /dev/null ||
    complain "no room in the job's folder $job_dir" "one MiB could not be written" "free space or quota there ('df', 'quota')"
  rm -f "$job_dir/.room-$SLURM_NODEID"
  for answer in "$PERCH_SIF" ${PERCH_STAGE_DATA:+"$PERCH_STAGE_DATA"}; do
    [[ -r $answer ]] ||
      complain "'$answer' cannot be read" "it does not exist here, or its mode forbids it" "put it where all nodes see it"
  done
  [[ -z $PERCH_INTERFACE || -e /sys/class/net/$PERCH_INTERFACE ]] ||
    complain "no network interface '$PERCH_INTERFACE'" "there are: $(cd /sys/class/net && echo *)" "set PERCH_INTERFACE to one that every node has"
  check_disk
  tmp=$(node_tmp)
  container "$tmp"
  answer=$("${words[@]}" exec "${options[@]}" "$PERCH_SIF" true 2>&1) ||
    complain "'$PERCH_RUNTIME' cannot run $PERCH_SIF" "${answer//$'\n'/; }" "see the line above; a SIF runs on the architecture it was made for ($(uname -m) here)"
}

# Runs on every node: becomes the container. Only what is named here enters it.
task() {
  local name inside=APPTAINERENV sif=$PERCH_SIF tmp words options
  runtime
  [[ ${words[${#words[@]} - 1]} != *singularity* ]] || inside=SINGULARITYENV
  for name in $(compgen -e); do
    case $name in
      SLURM_* | SLURMD_NODENAME | PERCH_* | CUDA_VISIBLE_DEVICES | ROCR_VISIBLE_DEVICES | HIP_VISIBLE_DEVICES | \
        NCCL_* | GLOO_* | FI_* | UCX_* | RAY_* | WANDB_* | OMP_NUM_THREADS | http_proxy | https_proxy | HTTP_PROXY | HTTPS_PROXY)
        export "${inside}_$name=${!name}"
        ;;
    esac
  done
  # Between the nodes of the job there is no proxy.
  export "${inside}_no_proxy=${no_proxy:-${NO_PROXY:-}},localhost,127.0.0.1,${PERCH_NODES// /,}"
  for name in $PERCH_PASS_ENV; do
    [[ -z ${!name+x} ]] || export "${inside}_$name=${!name}"
  done
  [[ -z $PERCH_CODE_DIR ]] || export "${inside}_PYTHONPATH=$PERCH_CODE_DIR"
  tmp=$(node_tmp) || exit
  container "$tmp"
  if ((PERCH_STAGE)); then sif=$(staged "$tmp" "$PERCH_SIF") || exit; fi
  if [[ -n $PERCH_STAGE_DATA ]]; then
    name=$(staged "$tmp" "$PERCH_STAGE_DATA") || exit
    options+=(--bind "$name:$PERCH_STAGE_DATA")
  fi
  options=("${words[@]}" exec "${options[@]}" "$sif" perch slurm launch --node-tmp /node-tmp "$@")
  if ((SLURM_NODEID == 0)); then exec "${options[@]}"; fi
  trap '' USR1 TERM # the head decides
  local code=0
  "${options[@]}" || code=$?
  ((code == HEAD_NODE_LOST)) || exit "$code"
  requeue_without_head
}

# With --no-kill Slurm lets a job live on without its first node, and so without its batch script: an empty shell until its time
# is up. Whoever is left waits until Slurm has taken the node out of the job, then puts the job back into the queue.
requeue_without_head() {
  local left deadline=$((SECONDS + 900))
  while ((SECONDS < deadline)); do
    if left=$(squeue -h -j "$slurm_job" -t RUNNING -o %N) && [[ -n $left ]]; then
      left=$(scontrol show hostnames "$left")
      [[ $'\n'$left$'\n' == *$'\n'${PERCH_NODES%% *}$'\n'* ]] || break
    fi
    sleep 1
  done
  echo "perch: the first node is lost; the job goes back into the queue" >&2
  scontrol requeue "$slurm_job" || scancel "$slurm_job" # where requeueing is forbidden: the chain's next job goes on
}

