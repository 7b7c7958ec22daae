# ── From here on nothing needs to be changed ────────────────────────────────────────────────────────────────────────────

die() { # what, why, what to do
  printf 'perch: %s\n  why: %s\n  fix: %s\n' "$@" >&2
  exit 2
}

# On a login node: `bash job.sbatch --chain 3` submits three jobs, one after the other. For sites that forbid requeueing.
if [[ -z ${SLURM_JOB_ID:-} ]]; then
  [[ ${1:-} == --chain && ${2:-} =~ ^[1-9][0-9]*$ ]] ||
    die "this is not a Slurm job" "SLURM_JOB_ID is not set" "submit it: sbatch $0, or bash $0 --chain 3"
  links=$2 && shift 2
  for ((link = 1; link <= links; link++)); do
    sbatch --job-name="perch-$RUN_ID" --no-requeue --dependency=singleton --export="ALL,PERCH_CHAIN_LINK=$link" "$0" "$@"
  done
  exit
fi

HEAD_NODE_LOST=76 # a worker's launcher ends so
link=${PERCH_CHAIN_LINK:-1}
restart=${SLURM_RESTART_COUNT:-0}
state=$OUT/$RUN_ID.slurm      # what the jobs of this run share
job_dir=$state/$SLURM_JOB_ID  # address, token, logs of this job
[[ -z ${PERCH_CHAIN_LINK:-} ]] || MAX_REQUEUES=0

(mkdir -p "$OUT" && umask 077 && mkdir -p "$job_dir" && printf '%s\n' "$SLURM_JOB_ID" > "$job_dir/canary") ||
  die "cannot write to the job's folder $job_dir" "see the line above" "free space or quota there, or set OUT to another folder"
rm -f "$job_dir/stop" "$job_dir/exit-$restart"
if ((link == 1 && restart == 0)); then
  rm -f "$state/ended" # a new submission may extend a finished run
elif [[ -e $state/ended ]]; then
  code=$(< "$state/ended")
  echo "perch: the run has ended already with code $code; nothing to do"
  exit "$code"
fi

# The end of the job's time, for the run's own planning. Slurm's commands exist only out here.
end=${SLURM_JOB_END_TIME:-}
[[ -n $end ]] || end=$(date -d "$(squeue -h -j "$SLURM_JOB_ID" -o %e)" +%s 2> /dev/null) || end=
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | tr '\n' ' ')
export SIF OUT RUN_ID RUNTIME BINDS GPU_FLAG PASS_ENV CODE_DIR NEEDED INTERFACE STAGE STAGE_DATA NODE_TMP PRIVATE_PIDS
export CONTAINER_OPTIONS GPUS_PER_NODE HEAD_NODE_LOST job_dir
export PERCH_END_TIME=$end PERCH_NODES=$nodes

complain() { # what, why, what to do; on any node
  printf 'perch: %s: %s\n  why: %s\n  fix: %s\n' "${SLURMD_NODENAME:-$HOSTNAME}" "$@" >&2
  exit 2
}

# Runs on every node before anything starts, on the host.
preflight() {
  local path words answer
  read -r -a words <<< "$RUNTIME"
  command -v "${words[0]}" > /dev/null ||
    complain "no '${words[0]}' here" "it is not on PATH: $PATH" "load its module (MODULES), or set RUNTIME=singularity"
  ls "$job_dir" > /dev/null 2>&1 # makes a network file system look again
  [[ $(cat "$job_dir/canary" 2> /dev/null) == "$SLURM_JOB_ID" ]] ||
    complain "the job's folder $job_dir is not seen" "OUT is not on a file system that all nodes share" "set OUT to one that is"
  (head -c 1048576 /dev/zero > "$job_dir/.room-$SLURM_NODEID") 2> /dev/null ||
    complain "no room in the job's folder $job_dir" "one MiB could not be written" "free space or quota there ('df', 'quota')"
  rm -f "$job_dir/.room-$SLURM_NODEID"
  while IFS= read -r path; do
    [[ -z $path || -r $path ]] ||
      complain "'$path' cannot be read" "it does not exist here, or its mode forbids it" "put it where all nodes see it"
  done <<< "$SIF"$'\n'"$NEEDED"
  [[ -z $INTERFACE || -e /sys/class/net/$INTERFACE ]] ||
    complain "no network interface '$INTERFACE'" "there are: $(cd /sys/class/net && echo *)" "set INTERFACE to one that every node has"
  answer=$("${words[@]}" exec --cleanenv "$SIF" true 2>&1) ||
    complain "'$RUNTIME' cannot run $SIF" "${answer//$'\n'/; }" "see the line above; a SIF runs on the architecture it was made for ($(uname -m) here)"
}

# Copies a file to this node's disk, once, into a folder that is the user's own. Prints where it lies.
staged() {
  local folder copy
  folder=$NODE_TMP/perch-stage-$(id -u)
  [[ -d $folder ]] || mkdir -m 700 "$folder"
  [[ -O $folder && ! -L $folder ]] || complain "$folder belongs to somebody else" "it is in the way" "set NODE_TMP"
  copy=$folder/$(stat -c '%s-%Y' "$1")-$(basename "$1")
  (
    flock 9
    [[ -e $copy ]] || { cp "$1" "$copy.part" && mv "$copy.part" "$copy"; }
  ) 9> "$copy.lock"
  printf '%s' "$copy"
}

# Runs on every node: becomes the container. Only what is named here enters it.
task() {
  local name kind sif=$SIF options=(--cleanenv --no-home --pwd "$PWD") words path more
  read -r -a words <<< "$RUNTIME"
  kind=$(basename "${words[${#words[@]} - 1]}")
  for name in $(compgen -e); do
    case $name in
      SLURM_* | SLURMD_NODENAME | PERCH_* | CUDA_VISIBLE_DEVICES | ROCR_VISIBLE_DEVICES | HIP_VISIBLE_DEVICES | \
        NCCL_* | GLOO_* | FI_* | UCX_* | RAY_* | WANDB_* | OMP_NUM_THREADS)
        export "${kind^^}ENV_$name=${!name}"
        ;;
    esac
  done
  for name in $PASS_ENV; do
    [[ -z ${!name+x} ]] || export "${kind^^}ENV_$name=${!name}"
  done
  [[ -z $CODE_DIR ]] || export "${kind^^}ENV_PYTHONPATH=$CODE_DIR"
  for path in $({ printf '%s\n' "$PWD" "$OUT" "$CODE_DIR" && tr ' ' '\n' <<< "$BINDS"; } | sort -u); do
    options+=(--bind "$path")
  done
  while IFS= read -r path; do
    [[ -z $path ]] || options+=(--bind "$path")
  done <<< "$NEEDED"
  if ((STAGE)); then sif=$(staged "$SIF"); fi
  if [[ -n $STAGE_DATA ]]; then options+=(--bind "$(staged "$STAGE_DATA"):$STAGE_DATA"); fi
  if ((PRIVATE_PIDS)); then options+=(--pid); fi
  [[ -z $GPU_FLAG || -z $GPUS_PER_NODE ]] || options+=("$GPU_FLAG")
  read -r -a more <<< "$CONTAINER_OPTIONS"
  options=("${words[@]}" exec "${options[@]}" "${more[@]}" "$sif" perch slurm launch "$@")
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
    if left=$(squeue -h -j "$SLURM_JOB_ID" -t RUNNING -o %N) && [[ -n $left ]]; then
      left=$(scontrol show hostnames "$left")
      [[ $'\n'$left$'\n' == *$'\n'${PERCH_NODES%% *}$'\n'* ]] || break
    fi
    sleep 1
  done
  echo "perch: the first node is lost; the job goes back into the queue" >&2
  scontrol requeue "$SLURM_JOB_ID" || scancel "$SLURM_JOB_ID" # where requeueing is forbidden: the chain's next job goes on
}

per_node=(srun --export=ALL --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1
  --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --cpu-bind=none)
functions=$(declare -f complain preflight staged task requeue_without_head)

"${per_node[@]}" --kill-on-bad-exit=1 bash -c "$functions; preflight" || exit 2

launch=(--job-folder "$job_dir" --node-tmp "$NODE_TMP" --logdir "$OUT/$RUN_ID/tensorboard" --start-timeout "$START_TIMEOUT")
[[ -z $INTERFACE ]] || launch+=(--interface "$INTERFACE")
[[ -z $MIN_NODES ]] || launch+=(--min-nodes "$MIN_NODES")
[[ -z $GPUS_PER_NODE ]] || launch+=(--gpus-per-node "$GPUS_PER_NODE")
if ((DASHBOARD)); then launch+=(--dashboard); fi

# Walltime (USR1) and preemption (TERM) alike: leave the stop file, which the launcher passes on. The step itself gets no
# signal from here: on some systems it would reach the process that holds the container's file system.
told=
tell() {
  told=1
  : > "$job_dir/stop"
}
trap tell USR1 TERM

"${per_node[@]}" --no-kill --kill-on-bad-exit=0 bash -c "$functions; task \"\$@\"" task \
  "${launch[@]}" -- "${COMMAND[@]}" "$@" &
step=$!
code=0
wait "$step" || code=$?
while kill -0 "$step" 2> /dev/null; do # a trapped signal ends `wait`, not the step
  code=0
  wait "$step" || code=$?
done
# The driver's own code, which srun may hide behind a lost node's.
if [[ -r $job_dir/exit-$restart ]]; then code=$(< "$job_dir/exit-$restart"); fi

near_end=0
if [[ $end =~ ^[0-9]+$ ]] && (($(date +%s) > end - WARNING_S - 60)); then near_end=1; fi
if ((code == 75)) && { [[ -n $told ]] || ((near_end)); }; then
  now=$(squeue -h -j "$SLURM_JOB_ID" -o %T 2> /dev/null) || now=RUNNING
  if ((MAX_REQUEUES == 0)); then
    echo "perch: interrupted, state saved; the next job of the run goes on"
  elif ((restart >= MAX_REQUEUES)); then
    echo "perch: interrupted, state saved; $restart restarts are enough (MAX_REQUEUES): submit it again to go on"
  elif [[ $now == RUNNING ]]; then # cancelled or preempted jobs are Slurm's own business
    echo "perch: interrupted, state saved; back into the queue (restart $((restart + 1)) of $MAX_REQUEUES)"
    scontrol requeue "$SLURM_JOB_ID"
  fi
elif [[ -r $job_dir/exit-$restart ]] && ((code <= 2 || code == 75)); then # done, failed, bad input, or stopped by its user: later links of a chain need not try
  printf '%s\n' "$code" > "$state/ended"
fi
exit "$code"
