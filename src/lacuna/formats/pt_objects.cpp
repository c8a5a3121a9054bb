#include "lacuna/formats/pt_objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "lacuna/core/checked.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

constexpr std::uint64_t kMapEntryBytes = 96;  // a node of std::map with its key, and the allocator's share

// A persistent id: a storage, or (legacy only) a part of one.
struct StorageRef {
  std::uint32_t storage = 0;
  std::uint64_t first = 0;
  std::uint64_t numel = 0;
};

class ObjectBuilder {
 public:
  ObjectBuilder(const PickleTree& tree, PtContainer container, const ByteSource& source, MemoryBudget& budget)
      : tree_(tree), container_(container), source_(source), budget_(budget) {}

  PtObjects run();

 private:
  void add_storage_ref(const PickleNode& node);
  std::uint32_t add_storage(const PickleNode& node, std::string_view key, DType dtype, std::uint64_t numel);
  StorageRef view_of_storage(const PickleNode& node, const PickleValue& metadata, const StorageRef& whole);
  void add_tensor(const PickleNode& node);
  void check_parameter(const PickleNode& node);
  void check_attributes(const PickleNode& node, DType dtype, std::size_t requires_grad);
  std::vector<std::int64_t> extents(const PickleNode& node, std::size_t argument, std::string_view what);
  void place(const PickleNode& node, const StorageRef& ref, std::uint64_t offset, PtTensor& tensor);

  std::uint64_t natural(const PickleNode& node, const PickleValue& value, std::string_view what) const {
    if (value.kind != PickleKind::integer || value.number < 0) {
      source_.fail(node.offset, fmt::format("{}: expected a non-negative integer", what));
    }
    return static_cast<std::uint64_t>(value.number);
  }
  std::string_view text(const PickleNode& node, const PickleValue& value, std::string_view what) const {
    if (value.kind != PickleKind::string || value.length > kMaxPtStorageKey) {
      source_.fail(node.offset, fmt::format("{}: expected text of at most {} bytes", what, kMaxPtStorageKey));
    }
    return tree_.text(value);
  }

  const PickleTree& tree_;
  PtContainer container_;
  const ByteSource& source_;
  MemoryBudget& budget_;
  PtObjects objects_;
  std::vector<StorageRef> refs_;
  std::vector<std::uint32_t> made_;  // by node: 1 + index into refs_ or objects_.tensors, 0 for other nodes
  std::map<std::string_view, std::uint32_t> storage_of_;
  std::map<std::string_view, StorageRef> view_of_;  // legacy view keys
};

PtObjects ObjectBuilder::run() {
  budget_.charge(tree_.nodes.size() * sizeof(std::uint32_t), source_, 0);
  made_.resize(tree_.nodes.size());
  std::vector<std::uint32_t> tensor_of(tree_.nodes.size());
  for (std::size_t i = 0; i < tree_.nodes.size(); ++i) {
    const auto& node = tree_.nodes[i];
    if (node.kind == PickleKind::persistent_id) {
      add_storage_ref(node);
      made_[i] = static_cast<std::uint32_t>(refs_.size());
    } else if (node.kind == PickleKind::call) {
      if (node.global->role == PickleRole::rebuild_parameter) {
        check_parameter(node);
        made_[i] = made_[static_cast<std::size_t>(node.items[0].number)];
      } else {
        add_tensor(node);
        made_[i] = static_cast<std::uint32_t>(objects_.tensors.size());
      }
      tensor_of[i] = made_[i];
    }
  }
  objects_.names = name_pt_tensors(tree_, tensor_of, source_, budget_);
  return std::move(objects_);
}

void ObjectBuilder::add_storage_ref(const PickleNode& node) {
  const std::size_t expected = container_ == PtContainer::zip ? 5 : 6;
  if (node.items.size() != expected) {
    source_.fail(node.offset, fmt::format("storage id with {} fields; expected {}", node.items.size(), expected));
  }
  const auto& type = node.items[1];
  if (type.kind != PickleKind::global || tree_.node(type).global->role != PickleRole::storage) {
    source_.fail(node.offset, "storage id without a storage type");
  }
  const std::string_view key = text(node, node.items[2], "storage key");
  text(node, node.items[3], "storage location");
  const std::uint64_t numel = natural(node, node.items[4], "storage size");
  StorageRef ref;
  ref.storage = add_storage(node, key, tree_.node(type).global->dtype, numel);
  ref.numel = numel;
  if (expected == 6 && node.items[5].kind != PickleKind::none) ref = view_of_storage(node, node.items[5], ref);
  budget_.charge(2 * sizeof ref, source_, node.offset);
  refs_.push_back(ref);
}

std::uint32_t ObjectBuilder::add_storage(const PickleNode& node, std::string_view key, DType dtype,
                                         std::uint64_t numel) {
  const auto known = storage_of_.find(key);
  if (known != storage_of_.end()) {
    const auto& storage = objects_.storages[known->second];
    if (storage.dtype != dtype || storage.numel != numel) {
      source_.fail(node.offset,
                   fmt::format("storage {} is {} × {} here and {} × {} at byte {}", printable(key), numel,
                               dtype_name(dtype), storage.numel, dtype_name(storage.dtype), storage.offset));
    }
    return known->second;
  }
  const auto bytes = checked_mul(numel, dtype_bytes(dtype));
  if (!bytes || *bytes > source_.size()) {
    source_.fail(node.offset, fmt::format("storage {} of {} {} elements: more than the {} bytes of the file",
                                          printable(key), numel, dtype_name(dtype), source_.size()));
  }
  budget_.charge(kMapEntryBytes + 2 * sizeof(PtStorage), source_, node.offset);
  const auto index = static_cast<std::uint32_t>(objects_.storages.size());
  storage_of_.emplace(key, index);
  objects_.storages.push_back({key, dtype, numel, *bytes, node.offset});
  return index;
}

StorageRef ObjectBuilder::view_of_storage(const PickleNode& node, const PickleValue& metadata,
                                          const StorageRef& whole) {
  if (metadata.kind != PickleKind::tuple || tree_.node(metadata).items.size() != 3) {
    source_.fail(node.offset, "storage view: expected (key, offset, size)");
  }
  const auto& fields = tree_.node(metadata).items;
  const std::string_view key = text(node, fields[0], "storage view key");
  StorageRef view = whole;
  view.first = natural(node, fields[1], "storage view offset");
  view.numel = natural(node, fields[2], "storage view size");
  if (!range_inside(view.first, view.numel, whole.numel)) {
    source_.fail(node.offset, fmt::format("storage view {}: {} elements at {} of a storage of {}", printable(key),
                                          view.numel, view.first, whole.numel));
  }
  budget_.charge(kMapEntryBytes, source_, node.offset);
  const auto& known = view_of_.emplace(key, view).first->second;
  if (known.storage != view.storage || known.first != view.first || known.numel != view.numel) {
    source_.fail(node.offset, fmt::format("storage view {} is described twice, differently", printable(key)));
  }
  return view;
}

void ObjectBuilder::add_tensor(const PickleNode& node) {
  const bool v2 = node.global->role == PickleRole::rebuild_tensor_v2;
  const std::size_t n = node.items.size();
  if (v2 ? n != 6 && n != 7 : n != 4) {
    source_.fail(node.offset, fmt::format("{} with {} arguments", node.global->name, n));
  }
  if (node.items[0].kind != PickleKind::persistent_id) source_.fail(node.offset, "a tensor without a storage");
  const StorageRef& ref = refs_[made_[static_cast<std::size_t>(node.items[0].number)] - 1];
  const std::uint64_t offset = natural(node, node.items[1], "tensor offset");
  PtTensor tensor;
  tensor.storage = ref.storage;
  tensor.shape = extents(node, 2, "tensor size");
  tensor.strides = extents(node, 3, "tensor stride");
  place(node, ref, offset, tensor);
  if (v2) check_attributes(node, objects_.storages[ref.storage].dtype, 4);
  if (n == 7) {
    const auto& metadata = node.items[6];
    const bool empty = metadata.kind == PickleKind::dict && tree_.node(metadata).items.empty();
    if (metadata.kind != PickleKind::none && !empty) {
      source_.fail(node.offset, "a tensor with metadata (conjugated or negated view)", ErrorCode::unsupported_format);
    }
  }
  budget_.charge(2 * sizeof tensor + 16 * tensor.shape.size() + 64, source_, node.offset);
  objects_.tensors.push_back(std::move(tensor));
}

void ObjectBuilder::check_parameter(const PickleNode& node) {
  if (node.items.size() != 3 || node.items[0].kind != PickleKind::call) {
    source_.fail(node.offset, "_rebuild_parameter: expected (tensor, requires_grad, hooks)");
  }
  const auto& tensor = objects_.tensors[made_[static_cast<std::size_t>(node.items[0].number)] - 1];
  check_attributes(node, objects_.storages[tensor.storage].dtype, 1);
}

// requires_grad and, after it, the backward hooks: a dict or None.
void ObjectBuilder::check_attributes(const PickleNode& node, DType dtype, std::size_t requires_grad) {
  const auto& flag = node.items[requires_grad];
  const auto& hooks = node.items[requires_grad + 1];
  if (flag.kind != PickleKind::boolean) source_.fail(node.offset, "requires_grad: expected a bool");
  if (flag.number != 0 && !is_floating(dtype)) {
    source_.fail(node.offset, fmt::format("requires_grad on a tensor of {}", dtype_name(dtype)));
  }
  if (hooks.kind != PickleKind::dict && hooks.kind != PickleKind::none) {
    source_.fail(node.offset, "backward hooks: expected a dict or None");
  }
}

std::vector<std::int64_t> ObjectBuilder::extents(const PickleNode& node, std::size_t argument, std::string_view what) {
  const auto& value = node.items[argument];
  if (value.kind != PickleKind::tuple) source_.fail(node.offset, fmt::format("{}: expected a tuple", what));
  const auto& items = tree_.node(value).items;
  if (items.size() > kMaxPtRank) {
    source_.fail(node.offset,
                 fmt::format("{}: {} dimensions, more than the {} allowed", what, items.size(), kMaxPtRank),
                 ErrorCode::limit_exceeded);
  }
  std::vector<std::int64_t> out;
  out.reserve(items.size());
  for (const auto& item : items) out.push_back(static_cast<std::int64_t>(natural(node, item, what)));
  return out;
}

// Proves that every element lies inside the storage, and settles the strides that no element uses.
void ObjectBuilder::place(const PickleNode& node, const StorageRef& ref, std::uint64_t offset, PtTensor& tensor) {
  const auto& storage = objects_.storages[ref.storage];
  const auto outside = [&] {
    source_.fail(node.offset, fmt::format("a tensor of shape {}, strides {} and offset {} reaches beyond the {} "
                                          "elements of storage {}",
                                          shape_text(tensor.shape), shape_text(tensor.strides), offset, ref.numel,
                                          printable(storage.key)));
  };
  if (tensor.shape.size() != tensor.strides.size()) {
    source_.fail(node.offset, fmt::format("a tensor of shape {} with strides {}", shape_text(tensor.shape),
                                          shape_text(tensor.strides)));
  }
  const auto numel = checked_product(tensor.shape);
  const std::uint64_t width = dtype_bytes(storage.dtype);
  if (!numel || *numel > std::numeric_limits<std::int64_t>::max() / width) outside();
  // The product of the other extents must not overflow either when one is zero; contiguous strides are made of it.
  Shape counted = tensor.shape;
  std::replace(counted.begin(), counted.end(), std::int64_t{0}, std::int64_t{1});
  if (*checked_product(counted) > std::numeric_limits<std::int64_t>::max() / width) outside();
  const auto contiguous = contiguous_strides(counted);
  std::uint64_t last = offset;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    if (tensor.shape[d] <= 1 || *numel == 0) {
      tensor.strides[d] = contiguous[d];  // used by no element, and may be anything
      continue;
    }
    const auto span =
        checked_mul(static_cast<std::uint64_t>(tensor.shape[d] - 1), static_cast<std::uint64_t>(tensor.strides[d]));
    const auto next = span ? checked_add(last, *span) : std::nullopt;
    if (!next) outside();
    last = *next;
  }
  if (*numel == 0) return;  // torch allows any offset then; the view points at the storage's start
  if (last >= ref.numel) outside();
  if (*numel > ref.numel && *numel * width > std::max(kMaxExpandedBytes, 4 * source_.size())) {
    source_.fail(node.offset,
                 fmt::format("a tensor of shape {} repeats {} stored elements; more than {} bytes",
                             shape_text(tensor.shape), ref.numel, kMaxExpandedBytes),
                 ErrorCode::limit_exceeded);
  }
  tensor.first = ref.first + offset;
}

}  // namespace

PtObjects read_pt_objects(const PickleTree& tree, PtContainer container, const ByteSource& source,
                          MemoryBudget& budget) {
  return ObjectBuilder(tree, container, source, budget).run();
}

std::vector<NamedTensor> view_pt_tensors(PtObjects objects, const std::vector<const std::byte*>& payloads) {
  std::vector<NamedTensor> named;
  named.reserve(objects.names.size());
  for (auto& [name, index] : objects.names) {
    const auto& tensor = objects.tensors[index];
    TensorView view;
    view.dtype = objects.storages[tensor.storage].dtype;
    view.shape = tensor.shape;
    view.strides = tensor.strides;
    view.data = payloads[tensor.storage];
    if (view.data != nullptr) view.data += tensor.first * dtype_bytes(view.dtype);
    named.push_back({std::move(name), std::move(view)});
  }
  return named;
}

}  // namespace lacuna
