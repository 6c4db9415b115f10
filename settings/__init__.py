"""Every setting: typed, frozen, read once by a front door, and checked as a whole before anything is opened."""

from settings.model import (
    PREFIX,
    Fault,
    Settings,
    SettingsError,
    fields_of,
    parse_settings,
    plain,
    read_settings,
    secret_settings,
    setting_names,
    unknown_names,
)

__all__ = [
    "PREFIX",
    "Fault",
    "Settings",
    "SettingsError",
    "fields_of",
    "parse_settings",
    "plain",
    "read_settings",
    "secret_settings",
    "setting_names",
    "unknown_names",
]
