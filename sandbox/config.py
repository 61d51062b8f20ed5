"""How a sandbox behaves from its start: accounts, answer shapes, limits, catalogue size, callbacks, first faults."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.callback_config import CallbackConfig
from sandbox.credentials import SANDBOX, Credentials, YlhEnvironment
from sandbox.door import Outage
from sandbox.faults import Rule
from sandbox.wire import Shape

DEFAULT_PORT = 9100


class ConfigError(ValueError):
    """The configuration file cannot be used; the text names the file and each field at fault."""


class SandboxConfig(BaseModel):
    """All that can be set at start, each with a default that needs no thought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    credentials: Credentials = SANDBOX
    ylh_env: YlhEnvironment = "dev"
    shape: Shape = Field(default="envelope", description="answers in an envelope, or as the bare JSON value")
    products: int = Field(default=200, ge=0, le=100_000, description="goods in the catalogue")
    pictures: int | None = Field(
        default=None, ge=0, le=100, description="of each article's page; null: none, one or two; 9 make 600 bytes of it"
    )
    token_lifetime: float = Field(default=3600, gt=0, description="seconds a token is really accepted")
    token_expires_in: int | None = Field(default=3600, description="seconds told to the client; null leaves it out")
    haier_auth_missing: bool = Field(default=False, description="/oauth2/auth answers 404: /oauth2/token must be used")
    haier_token_key: Literal["access_token", "token"] = "access_token"
    haier_token_under_data: bool = False
    haier_auth_scheme: Literal["any", "bare", "Bearer"] = "any"
    rate_limit: int | None = Field(default=None, ge=1, description="business calls a second and account, else 429")
    latency: float = Field(default=0, ge=0, description="seconds before every answer of a supplier")
    refuse_duplicates: bool = Field(default=True, description="false: a supplier that takes one order twice")
    refuse_second_cancel: bool = True
    refuse_unknown_products: bool = Field(default=False, description="a create with goods outside the catalogue")
    ship_after: float = Field(default=0, ge=0, description="seconds from create until logistics and photos show")
    balance_as_list: bool = True
    callbacks: CallbackConfig | None = None
    faults: tuple[Rule, ...] = ()
    outages: tuple[Outage, ...] = Field(default=(), description="when nobody is at the port")

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a JSON file of these fields; :class:`ConfigError` says what is wrong and where."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigError(
                f"The sandbox configuration {path} cannot be read: {error.strerror}. Check the path."
            ) from error
        except ValidationError as error:
            raise ConfigError(f"The sandbox configuration {path} is not usable: {told(error)}.") from error


def told(error: ValidationError) -> str:
    """Each fault of a pydantic error as ``field: what is wrong``, without repeating the input."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'document'}: {fault['msg']}" for fault in error.errors()
    )
