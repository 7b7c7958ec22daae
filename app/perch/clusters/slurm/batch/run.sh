# ── The job ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

per_node=(srun --export=ALL --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1
  --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --cpu-bind=none)
functions=$(declare -f complain node_tmp over sweep evict copy_of staged check_disk runtime container preflight task requeue_without_head)

# Bad input is 2 on every try. Anything else may be srun's or a node's fault of the moment, which one more try outlives.
for try in 1 2; do
  code=0
  "${per_node[@]}" --kill-on-bad-exit=0 bash -c "$functions; preflight" || code=$?
  ((code != 0)) || break
  ((code != 2)) || exit 2
  ((try == 2)) || echo "perch: the look at the nodes ended with code $code; trying once more" >&2
done
if ((code)); then
  printf 'perch: %s\n  why: %s\n  fix: %s\n' "the look at the nodes failed twice" "srun or a node: code $code, see the lines above" \
    "nothing was started; submit the job again, on other nodes if need be (sbatch --exclude)" >&2
  exit 1
fi

launch=(--job-folder "$job_dir" --logdir "$run/tensorboard" --start-timeout "$PERCH_START_TIMEOUT")
[[ -z $PERCH_INTERFACE ]] || launch+=(--interface "$PERCH_INTERFACE")
[[ -z $PERCH_MIN_NODES ]] || launch+=(--min-nodes "$PERCH_MIN_NODES")
[[ -z $PERCH_GPUS_PER_NODE ]] || launch+=(--gpus-per-node "$PERCH_GPUS_PER_NODE")
if ((PERCH_DASHBOARD)); then launch+=(--dashboard); fi

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
if [[ $end =~ ^[0-9]+$ ]] && (($(date +%s) > end - PERCH_WARNING_S - 60)); then near_end=1; fi
if ((code == 75)) && { [[ -n $told ]] || ((near_end)); }; then
  now=$(squeue -h -j "$slurm_job" -o %T 2> /dev/null) || now=RUNNING
  if ((PERCH_MAX_REQUEUES == 0)); then
    echo "perch: interrupted, state saved; the next job of the run goes on"
  elif ((restart >= PERCH_MAX_REQUEUES)); then
    echo "perch: interrupted, state saved; $restart restarts are enough (PERCH_MAX_REQUEUES): submit it again to go on"
  elif [[ $now == RUNNING ]]; then # cancelled or preempted jobs are Slurm's own business
    echo "perch: interrupted, state saved; back into the queue (restart $((restart + 1)) of $PERCH_MAX_REQUEUES)"
    scontrol requeue "$slurm_job"
  fi
elif [[ -r $job_dir/exit-$restart ]] && ((code <= 2 || code == 75)); then # done, failed, bad input, or stopped by its user: later links of a chain need not try
  printf '%s\n' "$code" > "$state/ended"
fi
exit "$code"
