// The stream that torch.save wrote before PyTorch 1.6 (and still writes on request):
//
//   pickle magic | pickle 1001 | pickle machine | pickle objects | pickle [key, …] | per key: i64 numel, its bytes
#include <fmt/format.h>

#include <algorithm>

#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/pt_objects.hpp"
#include "lacuna/formats/pt_reader.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kProtocolVersion = 1001;

void require_magic(const ByteSource& source, const PickleTree& tree) {
  if (tree.root.kind == PickleKind::magic_number) return;
  throw Error(ErrorCode::unsupported_format, "a pickle, but not of torch.save: it does not begin with torch's number")
      .at(source.path(), 0)
      .hint("load it where it is trusted and write the tensors with torch.save or safetensors");
}

void require_protocol(const ByteSource& source, std::uint64_t begin, const PickleTree& tree) {
  if (tree.root.kind == PickleKind::integer && tree.root.number == kProtocolVersion) return;
  source.fail(begin, fmt::format("legacy .pt: expected protocol version {}", kProtocolVersion));
}

void require_little_endian(const ByteSource& source, std::uint64_t begin, const PickleTree& tree) {
  if (tree.root.kind != PickleKind::dict) source.fail(begin, "legacy .pt: expected a dict that describes the machine");
  const auto& items = tree.node(tree.root).items;
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (items[i].kind != PickleKind::string || tree.text(items[i]) != "little_endian") continue;
    if (items[i + 1].kind == PickleKind::boolean && items[i + 1].number != 0) continue;
    source.fail(begin, "written on a big-endian machine; expected little_endian True", ErrorCode::unsupported_format);
  }
}

// Which storage each key of the list means: every storage exactly once.
std::vector<std::size_t> storage_order(const ByteSource& source, std::uint64_t begin, const PickleTree& keys,
                                       const PtObjects& objects, MemoryBudget& budget) {
  if (keys.root.kind != PickleKind::list) source.fail(begin, "legacy .pt: expected a list of storage keys");
  const auto& items = keys.node(keys.root).items;
  if (items.size() != objects.storages.size()) {
    source.fail(begin, fmt::format("legacy .pt: {} storage keys, but the pickle describes {} storages", items.size(),
                                   objects.storages.size()));
  }
  budget.charge(items.size() * (2 * sizeof(std::size_t) + 16), source, begin);
  std::vector<std::size_t> sorted(items.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
  const auto& storages = objects.storages;
  std::sort(sorted.begin(), sorted.end(), [&](auto a, auto b) { return storages[a].key < storages[b].key; });
  std::vector<std::size_t> order;
  order.reserve(items.size());
  std::vector<bool> seen(items.size());
  for (const auto& item : items) {
    if (item.kind != PickleKind::string) source.fail(begin, "legacy .pt: a storage key that is not text");
    const std::string_view key = keys.text(item);
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), key, [&](auto index, std::string_view wanted) {
      return storages[index].key < wanted;
    });
    if (found == sorted.end() || storages[*found].key != key || seen[*found]) {
      source.fail(begin, fmt::format("legacy .pt: storage key {} is unknown or repeated", printable(key)));
    }
    seen[*found] = true;
    order.push_back(*found);
  }
  return order;
}

}  // namespace

bool looks_like_pt_legacy(const ByteSource& source) {
  const bool protocol_2_to_5 = source.size() >= 2 && source.bytes()[0] == std::byte{0x80} &&
                               source.bytes()[1] >= std::byte{2} && source.bytes()[1] <= std::byte{5};
  return protocol_2_to_5 || source.starts_with("L119547037146038801333356L\n.");
}

bool looks_like_pt_tar(const ByteSource& source) {
  constexpr std::uint64_t kTarMagicOffset = 257;
  return source.starts_with("ustar", kTarMagicOffset);
}

TensorArchive read_pt_legacy(const ByteSource& source) {
  return guard_allocation(source.path(), [&] {
    if (looks_like_pt_tar(source)) {
      source.fail(0, "a tar archive: .pt files of PyTorch 0.1 are not supported; load and save it with a newer PyTorch",
                  ErrorCode::unsupported_format);
    }
    MemoryBudget budget(source.size());
    std::uint64_t begin = 0;
    const auto next_pickle = [&](std::uint64_t at) { return read_pickle(source, begin = at, source.size(), budget); };
    PickleTree head = next_pickle(0);
    require_magic(source, head);
    head = next_pickle(head.end);
    require_protocol(source, begin, head);
    head = next_pickle(head.end);
    require_little_endian(source, begin, head);
    const PickleTree tree = next_pickle(head.end);
    PtObjects objects = read_pt_objects(tree, PtContainer::legacy, source, budget);
    const PickleTree keys = next_pickle(tree.end);

    std::vector<const std::byte*> payloads(objects.storages.size());
    std::uint64_t at = keys.end;
    for (const std::size_t index : storage_order(source, begin, keys, objects, budget)) {
      const auto& storage = objects.storages[index];
      const std::uint64_t numel = source.u64(at, "legacy storage size");
      if (numel != storage.numel) {
        source.fail(at, fmt::format("storage {} holds {} elements here, the pickle says {}", printable(storage.key),
                                    numel, storage.numel));
      }
      payloads[index] = source.range(at + 8, storage.bytes, "legacy storage").data();
      at += 8 + storage.bytes;
    }
    if (at != source.size()) source.fail(at, fmt::format("{} bytes after the last storage", source.size() - at));
    TensorArchive archive;
    archive.format = FileFormat::pt_legacy;
    archive.tensors = view_pt_tensors(std::move(objects), payloads);
    return archive;
  });
}

}  // namespace lacuna
