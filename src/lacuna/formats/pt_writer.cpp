#include "lacuna/formats/pt_writer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/pt_objects.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

// What the reader would refuse must not be written.
void require_valid_names(std::span<const TensorSpec> tensors) {
  std::vector<std::string_view> names;
  for (const auto& tensor : tensors) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (tensor.name.size() > kMaxPtNameBytes || std::any_of(tensor.name.begin(), tensor.name.end(), control)) {
      throw Error(ErrorCode::invalid_argument, fmt::format("a tensor cannot be named {}", printable(tensor.name)));
    }
    names.push_back(tensor.name);
  }
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end()) {
    throw Error(ErrorCode::invalid_argument, fmt::format("two tensors are named {}", printable(*twin)));
  }
}

std::uint64_t total_bytes(std::span<const TensorSpec> tensors) {
  std::uint64_t total = 0;
  for (const auto& tensor : tensors) total += spec_bytes(tensor);
  return total;
}

// The archive around the payloads, which `payload(zip, i)` writes.
void write_archive(const fs::path& path, PtRoot root, std::span<const TensorSpec> tensors, const RunContext& context,
                   std::uint64_t zip64_from, const std::function<void()>& before_commit,
                   const std::function<void(ZipWriter&, std::size_t)>& payload) {
  const std::string pickle = pt_pickle(root, tensors);
  TensorOutput out(path, total_bytes(tensors) + pickle.size(), context);
  ZipWriter zip(out, zip64_from);
  try {
    zip.add("archive/data.pkl", pickle);
    zip.add("archive/byteorder", "little");
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      zip.begin(fmt::format("archive/data/{}", i), spec_bytes(tensors[i]));
      payload(zip, i);
      zip.end();
    }
    zip.add("archive/version", "3\n");
    zip.finish();
  } catch (const Error&) {
    if (before_commit) before_commit();  // the cause may be an input that lost its pages: then this throws file_changed
    throw;
  }
  if (before_commit) before_commit();
  out.commit();
}

std::function<void(ZipWriter&, std::size_t)> view_payload(std::span<const NamedTensor> tensors) {
  auto scratch = std::make_shared<AlignedBuffer<std::byte>>();
  return [tensors, scratch](ZipWriter& zip, std::size_t i) {
    write_row_major(tensors[i].view, *scratch, [&](std::span<const std::byte> bytes) { zip.write(bytes); });
  };
}

std::vector<TensorSpec> specs_of(std::span<const NamedTensor> tensors) {
  std::vector<TensorSpec> specs;
  for (const auto& tensor : tensors) specs.push_back({tensor.name, tensor.view.dtype, tensor.view.shape});
  return specs;
}

}  // namespace

void write_pt(const fs::path& path, std::span<const TensorSpec> tensors, const TensorProducer& produce,
              const RunContext& context) {
  guard_allocation(path, [&] {
    require_valid_names(tensors);
    AlignedBuffer<std::byte> buffer;
    write_archive(path, PtRoot::dict, tensors, context, kZip64From, {}, [&](ZipWriter& zip, std::size_t i) {
      context.check_stop();
      const std::size_t bytes = spec_bytes(tensors[i]);
      if (buffer.size() < bytes) buffer = AlignedBuffer<std::byte>(bytes);
      produce(i, buffer.span().first(bytes));
      zip.write(buffer.span().first(bytes));
    });
  });
}

void write_pt(const fs::path& path, std::span<const NamedTensor> tensors, const RunContext& context,
              const std::function<void()>& before_commit, std::uint64_t zip64_from) {
  guard_allocation(path, [&] {
    const auto specs = specs_of(tensors);
    require_valid_names(specs);
    write_archive(path, PtRoot::dict, specs, context, zip64_from, before_commit, view_payload(tensors));
  });
}

void write_pt_tensor(const fs::path& path, const TensorView& tensor, const RunContext& context,
                     const std::function<void()>& before_commit) {
  guard_allocation(path, [&] {
    const NamedTensor named{"", tensor};
    const std::span<const NamedTensor> tensors(&named, 1);
    write_archive(path, PtRoot::tensor, specs_of(tensors), context, kZip64From, before_commit, view_payload(tensors));
  });
}

}  // namespace lacuna
