"""Sweeps that cannot be lost: axes -> plan -> journal -> workers -> `results.csv`.

>>> import edensim as es
>>> cfg = es.load_config("configs/eyeriss-alexnet.toml")  # doctest: +SKIP
>>> frame = es.sweep(cfg, axes={"operating_point.vdd": [1.2, 1.1, 1.0]}, out="runs/vdd")  # doctest: +SKIP

Beyond one machine, any `concurrent.futures.Executor` runs the points. With Dask on SLURM (`pip install
'edensim[cluster]' dask-jobqueue`)::

    from dask.distributed import Client
    from dask_jobqueue import SLURMCluster

    cluster = SLURMCluster(cores=16, processes=16, memory="32GB", walltime="08:00:00")
    cluster.scale(jobs=4)
    with Client(cluster) as client:
        es.sweep(cfg, axes=..., out="runs/vdd", executor=client.get_executor())

or from the shell `edensim sweep CONFIG --dask tcp://host:8786`. Without any scheduler, a job array runs the shards of
one folder, and a last command merges them::

    #SBATCH --array=0-15
    edensim sweep CONFIG --out runs/vdd --shard $SLURM_ARRAY_TASK_ID/16 --jobs $SLURM_CPUS_PER_TASK
    edensim sweep --merge runs/vdd          # when all are done; repeat the array to finish what is missing
"""

from edensim.study.sweep.api import sweep
from edensim.study.sweep.load import Sweep, load_sweep

__all__ = ["Sweep", "load_sweep", "sweep"]
