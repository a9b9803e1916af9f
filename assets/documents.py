"""Asset storage: typed documents as JSON, one `latest` and one per head commit; snapshots are compressed and stored once."""

import gzip
from collections.abc import Iterator

import dagster as dg
from pydantic import PrivateAttr

from codegen_platform.artifacts import (
    CodeReview,
    Document,
    PublishedReview,
    PullRequestSnapshot,
    StaticFindings,
    StoredElsewhere,
    UnreadableDocument,
)
from codegen_platform.artifacts.storage import Storage
from codegen_platform.changes.keys import artifact_path, partition_key
from codegen_platform.store import Store
from resources import ArtifactStorage, Ledger

PullRequestDocument = PullRequestSnapshot | StaticFindings | CodeReview | PublishedReview


class DocumentIOManager(dg.ConfigurableIOManager):
    """Stores a document twice: permanently under its head commit, and as `latest` unless a newer head is known.

    A run reads back its own document, even if another run replaced `latest`. If an op runs outside its asset (job `review_once`),
    the materialization is reported here.
    """

    artifacts: dg.ResourceDependency[ArtifactStorage]
    ledger: dg.ResourceDependency[Ledger]

    _written: dict[str, PullRequestDocument] = PrivateAttr(default_factory=dict)

    def handle_output(  # type: ignore[override]  # Dagster takes events that are yielded here
        self, context: dg.OutputContext, obj: PullRequestDocument
    ) -> Iterator[dg.AssetMaterialization]:
        """Write the document and tell where it is."""
        uri = store_document(self.artifacts.storage, obj, is_latest=is_latest(self.ledger.store, obj))
        where: dict[str, dg.MetadataValue | str | int] = {
            "uri": dg.MetadataValue.url(uri),
            "schema": obj.schema_name,
            "sha256": obj.sha256,
            "bytes": len(obj.to_bytes()),
        }
        self._written[asset_of(type(obj))] = obj
        if context.has_asset_key:
            context.add_output_metadata(where)
        else:
            partition = partition_key(obj.repository, obj.number)
            yield dg.AssetMaterialization(asset_of(type(obj)), partition=partition, metadata=where)

    def load_input(self, context: dg.InputContext) -> Document:
        """Read the document of this run, else the latest of the partition; a run without one reads the newest of all partitions.

        An asset check executed by hand has no partition: Dagster offers none to choose.

        Raises:
            dagster.Failure: there is none yet.
        """
        wanted: type[Document] = context.dagster_type.typing_type
        asset = asset_of(wanted)
        if (written := self._written.get(asset)) is not None:
            return written
        partition = context.partition_key if context.has_partition_key else _newest_partition(context, asset)
        data = read_latest(self.artifacts.storage, asset, partition) if partition else None
        if data is None:
            sentence = f"no {asset} is stored{f' for {partition}' if partition else ''}; materialize it first"
            raise dg.Failure(sentence, allow_retries=False)
        return wanted.from_bytes(data)


def _newest_partition(context: dg.InputContext, asset: str) -> str | None:
    event = context.step_context.instance.get_latest_materialization_event(dg.AssetKey(asset))
    materialization = event.asset_materialization if event else None
    return materialization.partition if materialization else None


def asset_of(document_type: type[Document]) -> str:
    """Return the asset that holds documents of this type; its schema is named after it."""
    return document_type.schema_name.partition("/")[0]


def is_latest(store: Store, document: PullRequestDocument) -> bool:
    """Return whether the document may replace `latest`: a run for an older head may finish after one for a newer head."""
    if isinstance(document, PublishedReview) and document.state == "superseded":
        return False
    return store.tasks.is_newest_head(document.repository, document.number, document.head_sha)


def store_document(storage: Storage, document: PullRequestDocument, *, is_latest: bool) -> str:
    """Write a document under its head commit, and as `latest` if it is the latest; return the permanent address.

    A snapshot holds the texts of all changed files. It is stored once, compressed; `latest.json` points to it.
    """
    data = document.to_bytes()
    asset, partition = asset_of(type(document)), partition_key(document.repository, document.number)
    name, latest = f"{document.head_sha}.json", data
    if isinstance(document, PullRequestSnapshot):
        name += ".gz"
        latest = StoredElsewhere(name=name).to_bytes()
        storage.write(artifact_path(asset, partition, name), gzip.compress(data, mtime=0), "application/gzip")
    else:
        storage.write(artifact_path(asset, partition, name), data)
    if is_latest:
        storage.write(artifact_path(asset, partition, "latest.json"), latest)
    return storage.url_for(artifact_path(asset, partition, name))


def read_latest(storage: Storage, asset: str, partition: str) -> bytes | None:
    """Return the raw latest document of a partition, None if there is none; also reads the format of earlier versions."""
    data = storage.read(artifact_path(asset, partition, "latest.json"))
    if data is None:
        return None
    try:
        elsewhere = StoredElsewhere.from_bytes(data)
    except UnreadableDocument:
        return data
    compressed = storage.read(artifact_path(asset, partition, elsewhere.name))
    return None if compressed is None else gzip.decompress(compressed)
