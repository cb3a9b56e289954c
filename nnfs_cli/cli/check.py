"""nnfs check"""

from __future__ import annotations

import click

from nnfs_cli.cli import options


@click.command()
@options.config
@options.overrides
@options.as_json
def command(config: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Check CONFIG and print it with every default filled in.

    CONFIG is a YAML file, or - for standard input. Each KEY=VALUE sets a key of it, dotted where
    it is nested: layers.0.units=8 dataset.noise=0.3. What is printed is a valid configuration.
    """
    from nnfs_cli import config as configuration

    checked = configuration.load(config, overrides, consequence="the configuration cannot be used")
    if as_json:
        options.print_json(configuration.to_plain(checked))
    else:
        click.echo(configuration.dump(checked), nl=False)
