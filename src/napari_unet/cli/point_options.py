"""Options about points that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.core.config import TrainConfig

POINT_RADIUS = TrainConfig().point_radius

PointImage = Annotated[
    Path | None, typer.Option(help="Points and outlines: the image they were set on.")
]
PointRadius = Annotated[
    float,
    typer.Option(help="Points: radius of the disks they become, px.", min=0.5, max=50),
]
PointVolumes = Annotated[
    bool,
    typer.Option("--volumes", help="Points of a stack become balls, for a 3D network."),
]
