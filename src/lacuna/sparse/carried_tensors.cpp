#include "lacuna/sparse/carried_tensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/json_cursor.hpp"
#include "lacuna/formats/json_text.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

const std::string kCarriedKey = "lacuna.carried";

}  // namespace

std::string carried_digest(const NamedTensor& tensor) {
  const TensorView& view = tensor.view;
  const std::string identity =
      fmt::format("{}\ndense {} {}\n", tensor.name, safetensors_name(view.dtype), fmt::join(view.shape, " "));
  Sha256 digest;
  digest.update(std::as_bytes(std::span(identity)));
  if (view.is_contiguous()) {
    digest.update({view.data, view.bytes()});
  } else {
    AlignedBuffer<std::byte> bytes(view.bytes());
    copy_contiguous(view, bytes.data());
    digest.update(bytes.span());
  }
  return digest.hex();
}

void add_carried_metadata(const std::vector<std::pair<std::string, std::string>>& digests,
                          std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  for (const auto& [name, digest] : digests) {
    json += fmt::format(R"({}{}:"{}")", json.size() > 1 ? "," : "", json_text(name), digest);
  }
  metadata[kCarriedKey] = json + "}";
}

void erase_carried_metadata(std::map<std::string, std::string>& metadata) { metadata.erase(kCarriedKey); }

std::vector<CarriedTensor> carried_tensors(const TensorArchive& archive) {
  std::vector<CarriedTensor> carried;
  const auto text = archive.metadata.find(kCarriedKey);
  if (text == archive.metadata.end()) return carried;
  std::map<std::string, const NamedTensor*> tensors;
  for (const auto& tensor : archive.tensors) tensors.emplace(tensor.name, &tensor);
  const auto& path = archive.files.front()->path();
  std::set<std::string> seen;
  JsonCursor json(text->second, path);
  std::string name;
  json.begin_object();
  while (json.next_key(name)) {
    const auto found = tensors.find(name);
    if (found == tensors.end() || !seen.insert(name).second) {
      throw Error(ErrorCode::corrupt_file,
                  fmt::format("lacuna.carried names {}: expected each tensor of the file once", printable(name)))
          .at(path);
    }
    carried.push_back({&archive, found->second, json.string()});
  }
  json.finish();
  return carried;
}

void verify_carried(const CarriedTensor& carried) {
  const std::string found = carried_digest(*carried.tensor);
  if (found == carried.digest) return;
  const auto& file = *carried.archive->files.front();
  throw Error(ErrorCode::corrupt_file, fmt::format("{}: expected SHA-256 {} of the tensor, found {}",
                                                   printable(carried.tensor->name), printable(carried.digest), found))
      .at(file.path(), static_cast<std::uint64_t>(carried.tensor->view.data - file.bytes().data()));
}

}  // namespace lacuna
