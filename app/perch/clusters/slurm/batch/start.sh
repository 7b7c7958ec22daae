# ── From here on nothing needs to be changed ────────────────────────────────────────────────────────────────────────────

die() { # what, why, what to do
  printf 'perch: %s\n  why: %s\n  fix: %s\n' "$@" >&2
  exit 2
}

# The folder of the run as one word: what `perch slurm status` joins queue and runs by.
comment() {
  local path=$1
  path=${path//'%'/%25} path=${path//' '/%20} path=${path//'|'/%7C} path=${path//'"'/%22} path=${path//"'"/%27}
  printf 'perch:%s' "$path"
}

[[ $PERCH_OUT == /* ]] || PERCH_OUT=$PWD/$PERCH_OUT
run=$PERCH_OUT/$PERCH_RUN_ID

# On a login node: `bash job.sbatch --chain 3` submits three jobs, one after the other. For sites that forbid requeueing. They
# wait for each other by a name that holds a sum of the folder's path: equal run ids in two folders are two chains.
if [[ -z ${SLURM_JOB_ID:-} ]]; then
  [[ ${1:-} == --chain && ${2:-} =~ ^[1-9][0-9]*$ ]] ||
    die "this is not a Slurm job" "SLURM_JOB_ID is not set" "submit it: sbatch $0, or bash $0 --chain 3"
  links=$2 && shift 2
  name=perch-$PERCH_RUN_ID-$(printf %s "$run" | cksum | cut -d ' ' -f 1)
  for ((link = 1; link <= links; link++)); do
    sbatch --job-name="$name" --comment="$(comment "$run")" --no-requeue --dependency=singleton \
      --export="ALL,PERCH_CHAIN_LINK=$link" "$0" "$@"
  done
  exit
fi

HEAD_NODE_LOST=76 # a worker's launcher ends so
# What Slurm's commands are given. A task of an array is named as such: the number of its last task is that of the whole array.
slurm_job=$SLURM_JOB_ID
[[ -z ${SLURM_ARRAY_JOB_ID:-} ]] || slurm_job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
link=${PERCH_CHAIN_LINK:-1}
restart=${SLURM_RESTART_COUNT:-0}
state=$run.slurm              # what the jobs of this run share
job_dir=$state/$SLURM_JOB_ID  # address, token, logs of this job
[[ -z ${PERCH_CHAIN_LINK:-} ]] || PERCH_MAX_REQUEUES=0

(mkdir -p "$PERCH_OUT" && umask 077 && mkdir -p "$job_dir" && printf '%s\n' "$SLURM_JOB_ID" > "$job_dir/canary") ||
  die "cannot write to the job's folder $job_dir" "see the line above" "free space or quota there, or set PERCH_OUT to another folder"
rm -f "$job_dir/stop" "$job_dir/exit-$restart"
scontrol update JobId="$slurm_job" Comment="$(comment "$run")" ||
  echo "perch: the job's comment stays as it was submitted; 'perch slurm status' joins by that"
if ((link == 1 && restart == 0)); then
  rm -f "$state/ended" # a new submission may extend a finished run
elif [[ -e $state/ended ]]; then
  code=$(< "$state/ended")
  echo "perch: the run has ended already with code $code; nothing to do"
  exit "$code"
fi

# The end of the job's time, for the run's own planning. Slurm's commands exist only out here.
end=${SLURM_JOB_END_TIME:-}
[[ -n $end ]] || end=$(date -d "$(squeue -h -j "$slurm_job" -o %e)" +%s 2> /dev/null) || end=
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | tr '\n' ' ')

# How this job is submitted again: the run prints it when it is interrupted.
script=$(scontrol -o show job "$slurm_job" 2> /dev/null | sed -n 's/.* Command=\(.*\) WorkDir=.*/\1/p') || script=
script=${script%" $*"}
printf -v again 'cd %q && %ssbatch %q' "$PWD" "$given" "${script:-job.sbatch}"
(($# == 0)) || printf -v again '%s%s' "$again" "$(printf ' %q' "$@")"

export PERCH_SIF PERCH_OUT PERCH_RUN_ID PERCH_RUNTIME PERCH_BINDS PERCH_GPU_FLAG PERCH_PASS_ENV PERCH_CODE_DIR PERCH_NEEDED
export PERCH_INTERFACE PERCH_STAGE PERCH_STAGE_DATA PERCH_STAGE_GB PERCH_NODE_TMP PERCH_PRIVATE_PIDS PERCH_CONTAINER_OPTIONS
export PERCH_GPUS_PER_NODE HEAD_NODE_LOST job_dir slurm_job
export PERCH_END_TIME=$end PERCH_NODES=$nodes PERCH_RESUME_COMMAND=$again

