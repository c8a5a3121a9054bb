#include "lacuna/formats/pt_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/pt_objects.hpp"

namespace lacuna {
namespace {

constexpr std::uint64_t kMinVersion = 1;  // of the container, as torch accepts it
constexpr std::uint64_t kMaxVersion = 10;

std::string_view after_folder(std::string_view name) {
  const auto slash = name.find('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
}

bool is_torchscript_member(std::string_view name) { return name == "constants.pkl" || name.starts_with("code/"); }

// Everything lies in one folder, NAME/, and names differ by more than case: torch looks them up ignoring it.
std::string require_one_folder(const ZipReader& zip) {
  const auto& members = zip.members();
  const std::string& first = members.front().name;
  const std::string folder = first.substr(0, first.find('/') + 1);
  std::vector<std::string> lowered;
  lowered.reserve(members.size());
  for (const auto& member : members) {
    if (!member.name.starts_with(folder)) {
      zip.source().fail(member.header_offset,
                        fmt::format("zip member {} outside the folder {}", printable(member.name), printable(folder)));
    }
    std::string name = member.name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    lowered.push_back(std::move(name));
  }
  std::sort(lowered.begin(), lowered.end());
  const auto twin = std::adjacent_find(lowered.begin(), lowered.end());
  if (twin != lowered.end()) {
    zip.source().fail(0, fmt::format("zip members that differ only in case: {}", printable(*twin)));
  }
  return folder;
}

void refuse_torchscript(const ZipReader& zip) {
  for (const auto& member : zip.members()) {
    if (!is_torchscript_member(after_folder(member.name))) continue;
    throw Error(ErrorCode::torchscript_archive,
                fmt::format("a TorchScript archive: it holds {}, a program beside the tensors", printable(member.name)))
        .at(zip.source().path(), member.header_offset)
        .hint("in Python: torch.save(torch.jit.load(FILE).state_dict(), NEW_FILE)");
  }
}

// A member of a few bytes, such as `version`; empty when absent.
std::string small_member(const ZipReader& zip, const std::string& name) {
  constexpr std::uint64_t kLongest = 64;
  const ZipMember* member = zip.find(name);
  if (member == nullptr) return {};
  if (member->bytes > kLongest) {
    zip.source().fail(member->header_offset,
                      fmt::format("{}: {} bytes, expected a few", printable(name), member->bytes));
  }
  zip.check_crc(*member);
  const auto bytes = zip.stored(*member);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void require_version(const ZipReader& zip, const std::string& name, bool required) {
  const ZipMember* member = zip.find(name);
  if (member == nullptr && !required) return;
  std::string text = small_member(zip, name);
  if (text.ends_with('\n')) text.pop_back();
  std::uint64_t version = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc{} || rest != text.data() + text.size() || version < kMinVersion || version > kMaxVersion) {
    zip.source().fail(member == nullptr ? 0 : member->data_offset,
                      fmt::format("{}: expected a container version from {} to {}, got {}", printable(name),
                                  kMinVersion, kMaxVersion, member == nullptr ? "none" : printable(text)));
  }
}

void require_little_endian(const ZipReader& zip, const std::string& folder) {
  const std::string name = folder + "byteorder";
  const ZipMember* member = zip.find(name);
  if (member == nullptr) return;  // before PyTorch 2.1; such files were little-endian in practice
  const std::string order = small_member(zip, name);
  if (order == "little") return;
  if (order == "big") {
    zip.source().fail(member->data_offset, "written on a big-endian machine; expected byteorder 'little'",
                      ErrorCode::unsupported_format);
  }
  zip.source().fail(member->data_offset, fmt::format("byteorder {}; expected 'little'", printable(order)));
}

const ZipMember& require_pickle(const ZipReader& zip, const std::string& folder) {
  const ZipMember* member = zip.find(folder + "data.pkl");
  if (member == nullptr || folder.empty()) {
    throw Error(ErrorCode::unsupported_format, "a zip archive without NAME/data.pkl; expected what torch.save writes")
        .at(zip.source().path(), 0);
  }
  zip.check_crc(*member);
  return *member;
}

std::vector<const std::byte*> locate_storages(const ZipReader& zip, const std::string& folder,
                                              const PtObjects& objects) {
  std::vector<const std::byte*> payloads;
  payloads.reserve(objects.storages.size());
  for (const auto& storage : objects.storages) {
    const ZipMember* member = zip.find(fmt::format("{}data/{}", folder, storage.key));
    if (member == nullptr) {
      zip.source().fail(storage.offset, fmt::format("storage {} has no member in the archive", printable(storage.key)));
    }
    const auto bytes = zip.stored(*member);
    if (bytes.size() != storage.bytes) {
      zip.source().fail(
          storage.offset,
          fmt::format("storage {} of {} {} elements needs {} bytes, but its member holds {}", printable(storage.key),
                      storage.numel, dtype_name(storage.dtype), storage.bytes, bytes.size()));
    }
    if (bytes.size() <= kPtCheckedBytes) zip.check_crc(*member);
    payloads.push_back(bytes.data());
  }
  return payloads;
}

}  // namespace

bool looks_like_pt_zip(const ZipReader& zip) {
  return std::any_of(zip.members().begin(), zip.members().end(), [](const ZipMember& member) {
    const auto name = after_folder(member.name);
    return name == "data.pkl" || is_torchscript_member(name);
  });
}

TensorArchive read_pt_zip(const ZipReader& zip) {
  if (zip.members().empty()) zip.source().fail(0, "an empty zip archive", ErrorCode::unsupported_format);
  refuse_torchscript(zip);
  const std::string folder = require_one_folder(zip);
  const ZipMember& pickle = require_pickle(zip, folder);
  require_version(zip, folder + "version", true);
  require_version(zip, folder + ".data/version", false);
  require_little_endian(zip, folder);

  const ByteSource& source = zip.source();
  MemoryBudget budget(source.size());
  const std::uint64_t end = pickle.data_offset + pickle.bytes;
  const PickleTree tree = read_pickle(source, pickle.data_offset, end, budget);
  if (tree.end != end) source.fail(tree.end, fmt::format("{} bytes after the pickle's STOP", end - tree.end));
  PtObjects objects = read_pt_objects(tree, PtContainer::zip, source, budget);
  const auto payloads = locate_storages(zip, folder, objects);
  TensorArchive archive;
  archive.format = FileFormat::pt_zip;
  archive.tensors = view_pt_tensors(std::move(objects), payloads);
  return archive;
}

TensorArchive read_pt(const ByteSource& source) {
  return guard_allocation(source.path(), [&] {
    if (source.starts_with("PK\3\4") || source.starts_with("PK\5\6")) return read_pt_zip(ZipReader(source));
    return read_pt_legacy(source);
  });
}

TensorArchive read_pt(std::shared_ptr<const MappedFile> file) {
  return guard_allocation(file->path(), [&] {
    auto archive = read_pt(ByteSource(file->bytes(), file->path()));
    archive.files.push_back(file);
    return archive;
  });
}

TensorArchive read_pt(const std::filesystem::path& path) {
  return guard_allocation(path, [&] { return read_pt(MappedFile::open(path)); });
}

}  // namespace lacuna
