"""The settings of the weight map, and of where patches are drawn."""

from typing import Literal, Self

from pydantic import field_validator

from napari_unet.core.setting import Config, setting


class WeightMapConfig(Config):
    """The loss weight of each pixel, after Eq. 2 of the U-Net paper."""

    w0: float = setting(
        10.0, "Height of the ridge between close objects", title="w₀", ge=0, le=1000
    )
    sigma: float = setting(
        5.0, "Width of the ridge", title="σ", unit="px", gt=0, le=100
    )
    form: Literal["2015", "2019"] = setting(
        "2015",
        "Eq. 2 of the paper; or that of the Fiji plugin (Falk et al. 2019), where "
        "background counts less the further it is from objects",
    )
    ridge_on: Literal["background", "everywhere"] = setting(
        "background",
        "Where the ridge counts: on background, as in later work of the authors; or on "
        "objects as well, as Eq. 2 is printed",
    )
    class_balance: Literal["inverse-frequency", "v_bal", "weights", "none"] = setting(
        "inverse-frequency",
        "Form 2015: weigh rare classes up, so that each class counts alike; let "
        "background count v_bal and objects 1; or give each class its weight. Where "
        "objects are marked by points, always by inverse frequency",
        counts_where={"form": "2015"},
    )
    class_weights: tuple[float, ...] = setting(
        (1.0,),
        "For the class balance 'weights': one for each class, background first; the "
        "last one counts for all classes that follow",
        counts_where={"form": "2015", "class_balance": "weights"},
    )
    background: float = setting(
        0.1,
        "Weight of background: in form 2019 far from any object, else for the class "
        "balance 'v_bal'",
        title="Background (v_bal)",
        gt=0,
        le=1,
    )
    background_sigma: float = setting(
        10.0,
        "Form 2019: how fast background comes to count less",
        title="σ of background",
        counts_where={"form": "2019"},
        unit="px",
        gt=0,
        le=100,
    )
    separation_border: int = setting(
        1,
        "Width of the line of background cut between touching objects; they get it "
        "back in the end",
        unit="px",
        ge=0,
        le=2,
    )

    @field_validator("class_weights", mode="before")
    @classmethod
    def _read_list(cls, value: object) -> object:
        """Take '0.2, 1' from the command line or a form."""
        return value.split(",") if isinstance(value, str) else value

    @field_validator("class_weights")
    @classmethod
    def _can_weigh(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or min(value) < 0 or max(value) == 0:
            raise ValueError(
                "give one weight for each class, none below 0 and one above it, for "
                "example 0.2, 1"
            )
        return value

    def in_form(self, form: Literal["2015", "2019"]) -> Self:
        """Return these settings in another form, with the ridge published for it."""
        w0, sigma = {"2015": (10.0, 5.0), "2019": (50.0, 6.0)}[form]
        return self.replaced(form=form, w0=w0, sigma=sigma)


class SamplingConfig(Config):
    """Where training patches are centred; only on ground that is known."""

    rule: Literal["share", "density"] = setting(
        "share",
        "A share of the patches is centred on an object, the others anywhere; or each "
        "pixel of an object is a centre more often than one of background, as in the "
        "Fiji plugin (Falk et al. 2019)",
        title="Rule",
    )
    objects: float = setting(
        0.5,
        "Rule 'share': how many patches are centred on an object, so that rare "
        "objects are seen",
        title="Share on objects",
        counts_where={"rule": "share"},
        ge=0,
        le=1,
    )
    background: float = setting(
        0.1,
        "Rule 'density': how often a pixel of background is a centre, relative to one "
        "of an object. Together with v_bal of the weights this acts twice",
        title="Density of background",
        counts_where={"rule": "density"},
        gt=0,
        le=1,
    )
