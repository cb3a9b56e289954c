"""nnfs show"""

from __future__ import annotations

from pathlib import Path

import click

from nnfs_cli.cli import options


@click.command()
@options.run
@options.runs_dir
@options.as_json
def command(run: str, runs_dir: Path, as_json: bool) -> None:
    """Show one run in full.

    What it came to, its layers with their numbers of parameters, and its configuration.
    """
    from nnfs_cli import config as configuration
    from nnfs_cli import experiment, runs

    found = runs.read(runs.find(run, runs_dir))
    layers = [
        {
            "layer": number,
            "inputs": layer.fan_in,
            "units": layer.units,
            "activation": given.activation.name,
            "parameters": layer.n_params,
        }
        for number, (layer, given) in enumerate(
            zip(
                experiment.network_of(found.config, found.encoding.facts).layers,
                found.config.layers,
                strict=True,
            ),
            1,
        )
    ]
    if as_json:
        options.print_json(
            {
                "run": str(found.path),
                **found.facts,
                "layers": layers,
                "config": configuration.to_plain(found.config),
            }
        )
        return
    for key, value in {"run": found.path, **found.facts}.items():
        if key == "encoding":
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}" for name, version in value.items())
        click.echo(f"{key.replace('_', ' '):<15}  {value}")
    click.echo()
    rows = [list(layers[0]), *([str(cell) for cell in layer.values()] for layer in layers)]
    rows.append(["", "", "", "total", str(sum(int(row[-1]) for row in rows[1:]))])
    for row in rows:
        click.echo(options.aligned(row, rows))
    click.echo()
    click.echo(configuration.dump(found.config), nl=False)
