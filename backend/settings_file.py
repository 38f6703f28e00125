"""Settings from a YAML file, for what an environment (development, staging, production) has in common; the environment goes before it."""

from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError


class FileSource(PydanticBaseSettingsSource):
    """The lowest of the sources: reads the file that a higher one named as `config_file`.

    Its keys are the settings' names in lower case without `DESKLORE_`. Raises SettingsError for a file that can't be read, and for a
    name that is no setting: a mistyped one would be a setting that nobody misses until it matters.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the library's shape
        """Not asked for: the file is read as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """What the file says, without what a higher source says."""
        named = self.current_state.get("config_file")
        return {} if not named else self._without_what_is_set(_read(Path(str(named)), self.settings_cls))

    def _without_what_is_set(self, values: dict[str, Any]) -> dict[str, Any]:
        """A setting of two names may come under another one from the environment, and would be there twice."""
        return {
            name: value
            for name, value in values.items()
            if not _names(name, self.settings_cls.model_fields[name]) & set(self.current_state)
        }


class FileSettings(BaseSettings):
    """Which file there is, and when it is asked."""

    config_file: Path | None = Field(
        None,
        description="A YAML file of settings, named as here in lower case without `DESKLORE_`; the environment goes before it. "
        "`config/environments/` has some.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, the environment, `.env`, and last the file of `DESKLORE_CONFIG_FILE`."""
        return init_settings, env_settings, dotenv_settings, file_secret_settings, FileSource(settings_cls)


def _names(name: str, field: FieldInfo) -> set[str]:
    alias = field.validation_alias
    return {name, *(str(choice) for choice in alias.choices)} if isinstance(alias, AliasChoices) else {name}


def _read(path: Path, model: type[BaseSettings]) -> dict[str, Any]:
    # Loaded here because few starts need it.
    import yaml  # noqa: PLC0415

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"DESKLORE_CONFIG_FILE: {path} can't be read ({type(error).__name__})") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"DESKLORE_CONFIG_FILE: {path} must hold `name: value` lines")
    unknown = sorted(str(name) for name in values if name not in model.model_fields or name == "config_file")
    if unknown:
        raise SettingsError(f"DESKLORE_CONFIG_FILE: {path} names what is no setting: {', '.join(unknown)}")
    return values
