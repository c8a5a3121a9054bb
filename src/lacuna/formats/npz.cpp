#include "lacuna/formats/npz.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/utf8.hpp"
#include "lacuna/formats/zip_writer.hpp"

namespace lacuna {
namespace {

constexpr std::string_view kSuffix = ".npy";

bool has_control_character(std::string_view name) {
  return std::any_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string array_name(const ZipReader& zip, const ZipMember& member) {
  if (!member.name.ends_with(kSuffix)) {
    zip.source().fail(member.header_offset,
                      fmt::format("zip member {}; expected NAME.npy, as in an npz archive", printable(member.name)),
                      ErrorCode::unsupported_format);
  }
  if (has_control_character(member.name) || !is_utf8(member.name)) {
    zip.source().fail(member.header_offset,
                      fmt::format("npz member name {} is not plain text", printable(member.name)));
  }
  return member.name.substr(0, member.name.size() - kSuffix.size());
}

std::shared_ptr<const AlignedBuffer<std::byte>> inflated(const ZipReader& zip, const ZipMember& member) {
  auto buffer = std::make_shared<AlignedBuffer<std::byte>>(member.bytes);
  zip.extract(member, buffer->span());
  return buffer;
}

// Offsets in messages about an inflated array count from its own start; the message says so.
TensorView view_inflated(const ZipReader& zip, const ZipMember& member, std::span<const std::byte> bytes) {
  try {
    return view_npy(ByteSource(bytes, zip.source().path()), 0, bytes.size());
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("in {}, inflated, at byte {}: {}", printable(member.name),
                                          error.byte_offset().value_or(0), error.message()))
        .at(zip.source().path(), member.data_offset);
  }
}

void require_total(const ZipReader& zip) {
  const std::uint64_t allowed = std::max(kMaxInflatedBytes, kMaxInflationOfFile * zip.source().size());
  std::uint64_t left = allowed;
  for (const auto& member : zip.members()) {
    if (!member.deflated) continue;
    if (member.bytes > left) {
      zip.source().fail(
          member.header_offset,
          fmt::format("npz archive of {} bytes that would inflate to more than {}", zip.source().size(), allowed),
          ErrorCode::limit_exceeded);
    }
    left -= member.bytes;
  }
}

}  // namespace

bool looks_like_npz(const ZipReader& zip) {
  return std::all_of(zip.members().begin(), zip.members().end(),
                     [](const ZipMember& member) { return member.name.ends_with(kSuffix); });
}

TensorArchive read_npz(const ZipReader& zip) {
  return guard_allocation(zip.source().path(), [&] {
    require_total(zip);
    TensorArchive archive;
    archive.format = FileFormat::npz;
    for (const auto& member : zip.members()) {
      std::string name = array_name(zip, member);
      if (member.deflated) {
        archive.owned.push_back(inflated(zip, member));
        archive.tensors.push_back({std::move(name), view_inflated(zip, member, archive.owned.back()->span())});
      } else {
        zip.check_crc(member);
        archive.tensors.push_back(
            {std::move(name), view_npy(zip.source(), member.data_offset, member.data_offset + member.bytes)});
      }
    }
    return archive;
  });
}

TensorArchive read_npz(std::shared_ptr<const MappedFile> file) {
  return guard_allocation(file->path(), [&] {
    auto archive = read_npz(ZipReader(ByteSource(file->bytes(), file->path())));
    archive.files.push_back(file);
    return archive;
  });
}

TensorArchive read_npz(const std::filesystem::path& path) {
  return guard_allocation(path, [&] { return read_npz(MappedFile::open(path)); });
}

void write_npz(const std::filesystem::path& path, std::span<const NamedTensor> tensors, const RunContext& context,
               const std::function<void()>& before_commit) {
  guard_allocation(path, [&] {
    std::uint64_t total = 0;
    std::vector<std::string> headers;
    std::vector<std::string_view> names;
    for (const auto& [name, view] : tensors) {
      if (has_control_character(name) || !is_utf8(name)) {
        throw Error(ErrorCode::invalid_argument, fmt::format("an array cannot be named {}", printable(name)));
      }
      names.push_back(name);
      headers.push_back(npy_header(view.dtype, view.shape));
      total += headers.back().size() + view.bytes();
    }
    std::sort(names.begin(), names.end());
    const auto twin = std::adjacent_find(names.begin(), names.end());
    if (twin != names.end()) {
      throw Error(ErrorCode::invalid_argument, fmt::format("two arrays are named {}", printable(*twin)));
    }
    TensorOutput out(path, total, context);
    ZipWriter zip(out);
    AlignedBuffer<std::byte> scratch;
    try {
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        const auto& view = tensors[i].view;
        zip.begin(tensors[i].name + std::string(kSuffix), headers[i].size() + view.bytes());
        zip.write(std::as_bytes(std::span(headers[i].data(), headers[i].size())));
        write_row_major(view, scratch, [&](std::span<const std::byte> bytes) { zip.write(bytes); });
        zip.end();
      }
      zip.finish();
    } catch (const Error&) {
      if (before_commit) before_commit();
      throw;
    }
    if (before_commit) before_commit();
    out.commit();
  });
}

}  // namespace lacuna
