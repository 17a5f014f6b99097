"""What a containerd client may rely on, asked of our services and of a real containerd: values, and refusals' words."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from proto.containerd.services.containers.v1 import containers_pb2 as containers
from proto.containerd.services.images.v1 import images_pb2 as images
from proto.containerd.services.introspection.v1 import introspection_pb2 as introspection
from proto.containerd.services.leases.v1 import leases_pb2 as leases
from proto.containerd.services.namespaces.v1 import namespace_pb2 as namespaces
from proto.containerd.services.snapshots.v1 import snapshots_pb2 as snapshots
from proto.containerd.types import descriptor_pb2
from tests import needs
from tests.fakes.supervisor_servers import Client, container, find_containerd, our_server, real_containerd

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

REAL = [
    needs.root,
    pytest.mark.skipif(find_containerd() is None, reason="needs containerd in PATH"),
]
_numbers = itertools.count()


@pytest.fixture(scope="module", params=["ours", pytest.param("containerd", marks=REAL)])
def socket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    start = our_server if request.param == "ours" else real_containerd
    with start(tmp_path_factory.mktemp("s")) as path:
        yield path


@pytest.fixture
def client(socket: Path) -> Iterator[Client]:
    one = Client(socket, f"ns{next(_numbers)}")
    yield one
    one.close()


def refused(code: grpc.StatusCode, words: str, call: Any, *arguments: Any, **options: Any) -> None:
    """The call fails with this code, and its message has these words."""
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **options)
    assert (raised.value.code(), words) == (code, words if words in raised.value.details() else raised.value.details())


NOT_FOUND, EXISTS = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS
INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION


def create(client: Client, record: containers.Container) -> containers.Container:
    return client.containers.Create(containers.CreateContainerRequest(container=record), **client.meta()).container


def test_a_created_container_is_read_back_whole(client: Client) -> None:
    """Every field, with the times set."""
    record = container(
        labels={"a": "b"},
        image="img",
        snapshotter="overlayfs",
        snapshot_key="k",
        extensions={"x": AnyMessage(value=b"1")},
    )
    created = create(client, record)
    got = client.containers.Get(containers.GetContainerRequest(id="c1"), **client.meta()).container
    assert got == created
    assert got.created_at == got.updated_at
    got.ClearField("created_at"), got.ClearField("updated_at")
    assert got == record


def test_containers_are_listed_in_order_and_by_filter(client: Client) -> None:
    """List and ListStream agree."""
    for name, label in (("b", "1"), ("a", "2"), ("c", "1")):
        create(client, container(name, labels={"l": label}))
    request = containers.ListContainersRequest(filters=["labels.l==1"])
    listed = [one.id for one in client.containers.List(request, **client.meta()).containers]
    streamed = [one.container.id for one in client.containers.ListStream(request, **client.meta())]
    assert listed == streamed == ["b", "c"]
    everything = client.containers.List(containers.ListContainersRequest(), **client.meta()).containers
    assert [one.id for one in everything] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            container("bad name"),
            'container.ID: identifier "bad name" must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$',
        ),
        (container("x" * 77), "greater than maximum length (76 characters)"),
        (container(""), "container.ID: identifier must not be empty"),
        (container(runtime=containers.Container.Runtime()), "container.Runtime.Name must be set"),
        (container(snapshot_key="k"), "container.Snapshotter must be set if container.SnapshotKey is set"),
        (container(labels={"k": "v" * 4096}), "greater than maximum size"),
    ],
)
def test_a_malformed_container_is_refused(client: Client, record: containers.Container, words: str) -> None:
    """With the field that is wrong."""
    request = containers.CreateContainerRequest(container=record)
    refused(INVALID, words, client.containers.Create, request, **client.meta())


def test_a_container_is_created_once(client: Client) -> None:
    """The second is told so."""
    create(client, container())
    request = containers.CreateContainerRequest(container=container())
    refused(EXISTS, 'container "c1": already exists', client.containers.Create, request, **client.meta())


def test_an_unknown_container_is_not_found(client: Client) -> None:
    """Get, update, delete: each in its own words."""
    create(client, container("other"))
    words = f'container "c1" in namespace "{client.namespace}": not found'
    refused(NOT_FOUND, words, client.containers.Get, containers.GetContainerRequest(id="c1"), **client.meta())
    update = containers.UpdateContainerRequest(container=container())
    refused(NOT_FOUND, 'container "c1": not found', client.containers.Update, update, **client.meta())
    delete = containers.DeleteContainerRequest(id="c1")
    refused(NOT_FOUND, "container c1: not found", client.containers.Delete, delete, **client.meta())


def test_a_mask_updates_only_what_it_names(client: Client) -> None:
    """A label by its key, which may have dots; a missing one is taken away."""
    create(client, container(labels={"a.b": "1", "c": "2", "d": "3"}, image="old"))
    record = container(labels={"a.b": "9", "d": "9"}, image="new")
    updated = client.containers.Update(
        containers.UpdateContainerRequest(container=record, update_mask=FieldMask(paths=["labels.a.b", "labels.c"])),
        **client.meta(),
    ).container
    assert dict(updated.labels) == {"a.b": "9", "c": "", "d": "3"} or dict(updated.labels) == {"a.b": "9", "d": "3"}
    got = client.containers.Get(containers.GetContainerRequest(id="c1"), **client.meta()).container
    assert (dict(got.labels), got.image) == ({"a.b": "9", "d": "3"}, "old")


def test_immutable_fields_of_a_container_stay(client: Client) -> None:
    """Named in a mask or changed in a full replacement, they are refused."""
    create(client, container(snapshotter="overlayfs"))
    changed = containers.UpdateContainerRequest(container=container(snapshotter="native"))
    refused(INVALID, "container.Snapshotter field is immutable", client.containers.Update, changed, **client.meta())
    runtime = container(snapshotter="overlayfs", runtime=containers.Container.Runtime(name="other"))
    changed = containers.UpdateContainerRequest(container=runtime)
    refused(INVALID, "container.Runtime.Name field is immutable", client.containers.Update, changed, **client.meta())
    masked = containers.UpdateContainerRequest(container=container(), update_mask=FieldMask(paths=["runtime"]))
    refused(INVALID, 'cannot update "runtime" field on "c1"', client.containers.Update, masked, **client.meta())


def test_calls_need_a_namespace(client: Client) -> None:
    """And one that is an identifier."""
    request = containers.ListContainersRequest()
    refused(PRECONDITION, "namespace is required", client.containers.List, request)
    bad = [("containerd-namespace", "no/good")]
    refused(INVALID, "namespace validation: identifier", client.containers.List, request, metadata=bad)


def test_a_bad_filter_is_shown_where_it_is_wrong(client: Client) -> None:
    """The position is marked."""
    request = containers.ListContainersRequest(filters=["labels.foo~=,x"])
    words = "filters: parse error: [labels.foo~= >|,|< x]: expected value or quoted"
    refused(INVALID, words, client.containers.List, request, **client.meta())


def image(name: str = "img", digest: str = DIGEST, **fields: Any) -> images.Image:
    target = descriptor_pb2.Descriptor(media_type=MANIFEST, digest=digest, size=7, annotations={"n": "v"})
    return images.Image(name=name, target=fields.pop("target", target), **fields)


def test_images_are_created_read_updated_and_deleted(client: Client) -> None:
    """The whole life of a record."""
    created = client.images.Create(images.CreateImageRequest(image=image(labels={"l": "1"})), **client.meta()).image
    assert client.images.Get(images.GetImageRequest(name="img"), **client.meta()).image == created
    moved = images.UpdateImageRequest(image=image(digest=OTHER), update_mask=FieldMask(paths=["target"]))
    updated = client.images.Update(moved, **client.meta()).image
    assert (updated.target.digest, dict(updated.labels)) == (OTHER, {"l": "1"})
    assert updated.created_at == created.created_at
    listed = client.images.List(images.ListImagesRequest(filters=[f"target.digest=={OTHER}"]), **client.meta()).images
    assert [one.name for one in listed] == ["img"]
    client.images.Delete(images.DeleteImageRequest(name="img", sync=True), **client.meta())
    refused(NOT_FOUND, 'image "img": not found', client.images.Get, images.GetImageRequest(name="img"), **client.meta())


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (image(""), "Image.Name required"),
        (image(digest="nonsense"), "invalid checksum digest format"),
        (image(digest="md5:" + "a" * 32), "unsupported digest algorithm"),
        (image(digest="sha256:abc"), "invalid checksum digest length"),
        (
            image(target=descriptor_pb2.Descriptor(digest=DIGEST, media_type="m")),
            "arget.Size must be greater than zero",
        ),
        (image(target=descriptor_pb2.Descriptor(digest=DIGEST, size=1)), "arget.MediaType must be set"),
    ],
)
def test_a_malformed_image_is_refused(client: Client, record: images.Image, words: str) -> None:
    """With the field that is wrong."""
    refused(INVALID, words, client.images.Create, images.CreateImageRequest(image=record), **client.meta())


def test_an_image_is_created_once(client: Client) -> None:
    """And not found where it is not."""
    client.images.Create(images.CreateImageRequest(image=image()), **client.meta())
    again = images.CreateImageRequest(image=image())
    refused(EXISTS, 'image "img": already exists', client.images.Create, again, **client.meta())
    gone = images.DeleteImageRequest(name="nope")
    refused(NOT_FOUND, 'image "nope": not found', client.images.Delete, gone, **client.meta())


def test_namespaces_have_labels_and_must_be_empty_to_go(client: Client) -> None:
    """The refusal says what is still there."""
    name = client.namespace
    one = namespaces.Namespace(name=name, labels={"a": "1", "b": "2"})
    client.namespaces.Create(namespaces.CreateNamespaceRequest(namespace=one), **client.meta())
    again = namespaces.CreateNamespaceRequest(namespace=one)
    refused(EXISTS, f'namespace "{name}": already exists', client.namespaces.Create, again, **client.meta())
    one.labels["a"] = ""
    client.namespaces.Update(
        namespaces.UpdateNamespaceRequest(namespace=one, update_mask=FieldMask(paths=["labels.a"])), **client.meta()
    )
    got = client.namespaces.Get(namespaces.GetNamespaceRequest(name=name)).namespace
    assert dict(got.labels) == {"b": "2"}
    create(client, container())
    words = f'namespace "{name}" must be empty, but it still has containers'
    delete = namespaces.DeleteNamespaceRequest(name=name)
    refused(PRECONDITION, words, client.namespaces.Delete, delete, **client.meta())
    client.containers.Delete(containers.DeleteContainerRequest(id="c1"), **client.meta())
    client.namespaces.Delete(delete, **client.meta())
    refused(NOT_FOUND, f'namespace "{name}": not found', client.namespaces.Delete, delete, **client.meta())


def test_leases_hold_resources(client: Client) -> None:
    """Added, listed, taken away; with the words for what is no resource."""
    lease = client.leases.Create(leases.CreateRequest(id="l1", labels={"k": "v"}), **client.meta()).lease
    assert (lease.id, dict(lease.labels)) == ("l1", {"k": "v"})
    refused(EXISTS, 'lease "l1": already exists', client.leases.Create, leases.CreateRequest(id="l1"), **client.meta())
    for kind, name in (("content", DIGEST), ("snapshots/overlayfs", "s1"), ("ingests", "i1")):
        resource = leases.Resource(id=name, type=kind)
        client.leases.AddResource(leases.AddResourceRequest(id="l1", resource=resource), **client.meta())
    listed = client.leases.ListResources(leases.ListResourcesRequest(id="l1"), **client.meta()).resources
    assert {(one.type, one.id) for one in listed} == {
        ("content", DIGEST),
        ("snapshots/overlayfs", "s1"),
        ("ingests", "i1"),
    }
    drop = leases.DeleteResourceRequest(id="l1", resource=leases.Resource(id="i1", type="ingests"))
    client.leases.DeleteResource(drop, **client.meta())
    assert len(client.leases.ListResources(leases.ListResourcesRequest(id="l1"), **client.meta()).resources) == 2
    client.leases.Delete(leases.DeleteRequest(id="l1", sync=True), **client.meta())
    gone = leases.ListResourcesRequest(id="l1")
    refused(NOT_FOUND, 'lease "l1": not found', client.leases.ListResources, gone, **client.meta())


@pytest.mark.parametrize(
    ("resource", "code", "words"),
    [
        (leases.Resource(id="x", type="content"), INVALID, "invalid content resource id x"),
        (leases.Resource(id="x", type="content/more"), INVALID, "invalid resource type content/more"),
        (leases.Resource(id="x", type="snapshots"), INVALID, "invalid snapshot resource type snapshots"),
        (
            leases.Resource(id="x", type="cats"),
            grpc.StatusCode.UNIMPLEMENTED,
            "resource type cats not supported yet: not implemented",
        ),
    ],
)
def test_what_is_no_resource_cannot_be_leased(
    client: Client, resource: leases.Resource, code: grpc.StatusCode, words: str
) -> None:
    """Each kind of nonsense has its words."""
    client.leases.Create(leases.CreateRequest(id="l1"), **client.meta())
    request = leases.AddResourceRequest(id="l1", resource=resource)
    refused(code, words, client.leases.AddResource, request, **client.meta())


def test_a_lease_without_an_id_gets_one(client: Client) -> None:
    """And is found by label."""
    made = client.leases.Create(leases.CreateRequest(labels={"mine": "1"}), **client.meta()).lease
    assert made.id
    found = client.leases.List(leases.ListRequest(filters=["labels.mine"]), **client.meta()).leases
    assert [one.id for one in found] == [made.id]


def prepare(client: Client, key: str, parent: str = "", lease: str = "", **labels: str) -> Any:
    request = snapshots.PrepareSnapshotRequest(snapshotter="native", key=key, parent=parent, labels=labels)
    return client.snapshots.Prepare(request, **client.meta(lease)).mounts


def commit(client: Client, name: str, key: str, labels: dict[str, str] | None = None) -> None:
    labels = {"containerd.io/gc.root": "1", **(labels or {})}
    request = snapshots.CommitSnapshotRequest(snapshotter="native", name=name, key=key, labels=labels)
    client.snapshots.Commit(request, **client.meta())


def test_snapshots_are_prepared_committed_viewed_and_removed(client: Client) -> None:
    """The whole life, as `ctr snapshots` sees it."""
    mounts = prepare(client, "k1", **{"containerd.io/gc.root": "1"})
    assert [(one.type, list(one.options)) for one in mounts] == [("bind", ["rbind", "rw"])]
    commit(client, "n1", "k1")
    stat = client.snapshots.Stat(snapshots.StatSnapshotRequest(snapshotter="native", key="n1"), **client.meta()).info
    assert (stat.name, stat.kind, stat.parent) == ("n1", snapshots.COMMITTED, "")
    view = snapshots.ViewSnapshotRequest(snapshotter="native", key="v1", parent="n1")
    assert [list(one.options) for one in client.snapshots.View(view, **client.meta()).mounts] == [["rbind", "ro"]]
    blocks = client.snapshots.List(snapshots.ListSnapshotsRequest(snapshotter="native"), **client.meta())
    assert [(one.name, one.kind) for block in blocks for one in block.info] == [
        ("n1", snapshots.COMMITTED),
        ("v1", snapshots.VIEW),
    ]
    remove = snapshots.RemoveSnapshotRequest(snapshotter="native", key="n1")
    refused(PRECONDITION, "cannot remove snapshot with child", client.snapshots.Remove, remove, **client.meta())
    client.snapshots.Remove(snapshots.RemoveSnapshotRequest(snapshotter="native", key="v1"), **client.meta())
    client.snapshots.Remove(remove, **client.meta())
    refused(NOT_FOUND, "snapshot n1 does not exist: not found", client.snapshots.Remove, remove, **client.meta())


def test_a_snapshot_refuses_what_it_cannot_do(client: Client) -> None:
    """Twice the same key, a missing or unfinished parent, mounts of a committed one."""
    prepare(client, "k1", **{"containerd.io/gc.root": "1"})
    again = snapshots.PrepareSnapshotRequest(snapshotter="native", key="k1")
    refused(EXISTS, 'snapshot "k1": already exists', client.snapshots.Prepare, again, **client.meta())
    orphan = snapshots.PrepareSnapshotRequest(snapshotter="native", key="k2", parent="nope")
    words = "parent snapshot nope does not exist: not found"
    refused(NOT_FOUND, words, client.snapshots.Prepare, orphan, **client.meta())
    early = snapshots.PrepareSnapshotRequest(snapshotter="native", key="k3", parent="k1")
    refused(INVALID, "is not committed snapshot", client.snapshots.Prepare, early, **client.meta())
    commit(client, "n1", "k1")
    mounts = snapshots.MountsRequest(snapshotter="native", key="n1")
    refused(PRECONDITION, "not active or view", client.snapshots.Mounts, mounts, **client.meta())
    nothing = snapshots.CommitSnapshotRequest(snapshotter="native", name="n2", key="k1")
    words = "snapshot k1 does not exist: not found"
    refused(NOT_FOUND, words, client.snapshots.Commit, nothing, **client.meta())


def test_an_unknown_snapshotter_is_refused(client: Client) -> None:
    """By name, or the lack of one."""
    unknown = snapshots.StatSnapshotRequest(snapshotter="zz", key="k")
    refused(INVALID, "snapshotter not loaded: zz", client.snapshots.Stat, unknown, **client.meta())
    missing = snapshots.StatSnapshotRequest(key="k")
    refused(INVALID, "snapshotter argument missing", client.snapshots.Stat, missing, **client.meta())


def test_a_snapshot_reference_that_is_there_already_stops_the_unpacker(client: Client) -> None:
    """The label containerd.io/snapshot.ref names the layer that would come out of it."""
    prepare(client, "k1", **{"containerd.io/gc.root": "1"})
    commit(client, "chain", "k1")
    labels = {"containerd.io/snapshot.ref": "chain"}
    request = snapshots.PrepareSnapshotRequest(snapshotter="native", key="k2", labels=labels)
    words = 'target snapshot "chain": already exists'
    refused(EXISTS, words, client.snapshots.Prepare, request, **client.meta())


def test_a_snapshots_labels_are_updated_by_mask(client: Client) -> None:
    """Nothing but labels."""
    prepare(client, "k1", **{"containerd.io/gc.root": "1", "a": "1"})
    info = snapshots.Info(name="k1", labels={"a": "2", "b": "3"})
    update = snapshots.UpdateSnapshotRequest(
        snapshotter="native", info=info, update_mask=FieldMask(paths=["labels.a", "labels.b"])
    )
    updated = client.snapshots.Update(update, **client.meta()).info
    assert dict(updated.labels) == {"a": "2", "b": "3", "containerd.io/gc.root": "1"}
    update.update_mask.paths[:] = ["parent"]
    words = 'cannot update "parent" field on snapshot "k1"'
    refused(INVALID, words, client.snapshots.Update, update, **client.meta())


def test_work_under_a_lease_joins_it(client: Client) -> None:
    """The lease is named in the call's metadata; one that is not there is an error."""
    client.leases.Create(leases.CreateRequest(id="l1"), **client.meta())
    prepare(client, "k1", lease="l1")
    held = client.leases.ListResources(leases.ListResourcesRequest(id="l1"), **client.meta()).resources
    assert [(one.type, one.id) for one in held] == [("snapshots/native", "k1")]
    request = snapshots.PrepareSnapshotRequest(snapshotter="native", key="k9")
    refused(NOT_FOUND, "lease does not exist", client.snapshots.Prepare, request, **client.meta("l9"))


def test_the_collector_takes_what_no_lease_holds(client: Client) -> None:
    """At once, when a deletion is asked to be synchronous."""
    client.leases.Create(leases.CreateRequest(id="l1"), **client.meta())
    prepare(client, "held", lease="l1")
    stat = snapshots.StatSnapshotRequest(snapshotter="native", key="held")
    client.leases.Create(leases.CreateRequest(id="l2"), **client.meta())
    client.leases.Delete(leases.DeleteRequest(id="l2", sync=True), **client.meta())
    client.snapshots.Stat(stat, **client.meta())
    client.leases.Delete(leases.DeleteRequest(id="l1", sync=True), **client.meta())
    refused(NOT_FOUND, "snapshot held does not exist", client.snapshots.Stat, stat, **client.meta())


def test_the_server_has_an_identity_and_plugins(client: Client) -> None:
    """The same one each time, and the snapshotters are found by type."""
    first, second = (client.introspection.Server(Empty()) for _ in range(2))
    assert first.uuid == second.uuid
    assert len(first.uuid) == 36
    found = client.introspection.Plugins(introspection.PluginsRequest(filters=["type==io.containerd.snapshotter.v1"]))
    names = {one.id for one in found.plugins}
    assert {"overlayfs", "native"} <= names
    assert client.version.Version(Empty()).version


def test_what_nobody_serves_is_unimplemented(client: Client) -> None:
    """A service of the future."""
    call = client.channel.unary_unary("/containerd.services.future.v1.Future/Do", lambda _: b"", lambda data: data)
    refused(grpc.StatusCode.UNIMPLEMENTED, "", call, None)
