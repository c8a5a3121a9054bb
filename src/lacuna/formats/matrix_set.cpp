#include "lacuna/formats/matrix_set.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/mask_file.hpp"
#include "lacuna/formats/packed_mark.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

struct Found {
  MatrixSetKind kind = MatrixSetKind::file;
  std::vector<TensorArchive> archives;
  std::vector<WeightMatrix> matrices;
  std::vector<std::string> skipped;
};

// Matrices without entries are left out: nothing can be said of them, and their other extent may be any number.
bool is_matrix(const TensorView& view) { return view.shape.size() == 2 && view.numel() != 0; }

std::optional<LayerComponent> place_of(const NamedTensor& tensor, const fs::path& source, bool lone) {
  if (auto place = match_weight_name(tensor.name)) return place;
  if (auto place = parse_mask_key(tensor.name)) return place;
  if (!lone) return std::nullopt;
  const auto name = parse_script_file_name(source.filename().string());
  if (!name) return std::nullopt;
  return LayerComponent{name->layer, name->component};
}

WeightMatrix matrix_of(const NamedTensor& tensor, const fs::path& source, const std::optional<LayerComponent>& place) {
  const std::string plain_name = tensor.name.empty() ? source.stem().string() : tensor.name;
  return {place ? place->layer : kNoLayer, place ? place->component : plain_name, tensor.view, tensor.name, source};
}

// The matrices of layers when there are any, all matrices otherwise.
void take_matrices(Found& found) {
  std::vector<WeightMatrix> others;
  for (const auto& archive : found.archives) {
    for (const auto& tensor : archive.tensors) {
      const fs::path source = archive.files.empty() ? fs::path() : archive.files.front()->path();
      if (!is_matrix(tensor.view)) {
        found.skipped.push_back(tensor.name);
        continue;
      }
      const auto place = place_of(tensor, source, archive.tensors.size() == 1);
      (place ? found.matrices : others).push_back(matrix_of(tensor, source, place));
    }
  }
  if (found.matrices.empty()) {
    found.matrices = std::move(others);
  } else {
    for (const auto& matrix : others) found.skipped.push_back(matrix.tensor_name);
  }
}

// Masks become BOOL matrices, so that everything that compares or draws weights takes masks as well.
TensorArchive unpacked(const TensorArchive& packed) {
  const MaskFile file = read_masks(packed);
  TensorArchive archive;
  archive.format = packed.format;
  archive.metadata = packed.metadata;
  archive.files = packed.files;
  for (const auto& mask : file.masks) {
    auto values = std::make_shared<AlignedBuffer<std::byte>>(static_cast<std::size_t>(mask.rows * mask.cols));
    unpack_mask_bits(mask.bits, mask.rows, mask.cols, values->span());
    archive.tensors.push_back({mask.name, make_tensor_view(DType::boolean, {mask.rows, mask.cols}, values->data())});
    archive.owned.push_back(std::move(values));
  }
  return archive;
}

Found open_file(const fs::path& path) {
  Found found;
  found.archives.push_back(open_tensor_file(path));
  require_dense(found.archives.front());
  if (is_mask_archive(found.archives.front())) {
    found.kind = MatrixSetKind::mask;
    found.archives.front() = unpacked(found.archives.front());
  }
  take_matrices(found);
  return found;
}

Found open_checkpoint(const std::string& reference) {
  Found found;
  found.kind = MatrixSetKind::checkpoint;
  const Checkpoint checkpoint = Checkpoint::open(reference);
  require_dense(checkpoint);
  found.archives = checkpoint.shards();
  take_matrices(found);
  return found;
}

std::string variant_text(const ScriptFile& file) {
  const std::string pattern =
      file.pattern.m == 0 ? "unstructured" : fmt::format("{}:{}", file.pattern.n, file.pattern.m);
  const std::string sparsity = file.sparsity ? fmt::format(" {}", *file.sparsity) : "";
  return fmt::format("{} {}{}", file.method.empty() ? "(no method)" : file.method, pattern, sparsity);
}

bool selected(const ScriptFile& file, const MatrixSelection& selection) {
  return (!selection.method || file.method == *selection.method) &&
         (!selection.pattern || file.pattern == *selection.pattern) &&
         (!selection.sparsity || file.sparsity == *selection.sparsity) &&
         (!selection.layer || file.layer == *selection.layer) &&
         (!selection.component || file.component == *selection.component);
}

void require_one_variant(const std::vector<ScriptFile>& files, const fs::path& root) {
  std::set<std::pair<int, std::string>> places;
  bool repeated = false;
  std::set<std::string> variants;
  for (const auto& file : files) {
    repeated = !places.emplace(file.layer, file.component).second || repeated;
    variants.insert(variant_text(file));
  }
  if (!repeated) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the folder holds the same matrices several times: {}", fmt::join(variants, ", ")))
      .at(root)
      .hint("name one method's folder, or narrow it to one method, pattern and sparsity");
}

Found open_script_tree(const fs::path& root, const MatrixSelection& selection) {
  auto files = scan_script_tree(root);
  if (files.empty()) {
    throw Error(ErrorCode::not_found, "the folder is neither a checkpoint nor holds files of the scripts' names")
        .at(root)
        .hint("expected model.safetensors or its index, or files such as layer0-mlp.down_proj-0-0-0.5.pt");
  }
  std::erase_if(files, [&](const ScriptFile& file) { return !selected(file, selection); });
  require_one_variant(files, root);
  Found found;
  found.kind = MatrixSetKind::script_tree;
  for (const auto& file : files) {
    auto archive = open_tensor_file(file.path);
    if (archive.tensors.size() != 1 || !is_matrix(archive.tensors[0].view)) {
      throw Error(ErrorCode::shape_mismatch,
                  fmt::format("expected one matrix, got {} tensors{}", archive.tensors.size(),
                              archive.tensors.size() == 1 ? " that is none" : ""))
          .at(file.path);
    }
    found.matrices.push_back(matrix_of(archive.tensors[0], file.path, LayerComponent{file.layer, file.component}));
    found.archives.push_back(std::move(archive));
  }
  return found;
}

bool is_checkpoint_folder(const fs::path& folder) {
  constexpr std::array<const char*, 5> kNames = {"config.json", "model.safetensors", "model.safetensors.index.json",
                                                 "pytorch_model.bin", "pytorch_model.bin.index.json"};
  std::error_code ignored;
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](const char* name) { return fs::exists(folder / name, ignored); });
}

Found open_any(const std::string& reference, const MatrixSelection& selection) {
  std::error_code ignored;
  if (fs::is_directory(reference, ignored)) {
    return is_checkpoint_folder(reference) ? open_checkpoint(reference) : open_script_tree(reference, selection);
  }
  if (fs::exists(reference, ignored)) return open_file(reference);
  return open_checkpoint(reference);  // an id, or the error that says where it looked
}

auto sort_key(const WeightMatrix& matrix) {
  const auto& order = script_components();
  const auto rank = std::find(order.begin(), order.end(), matrix.component) - order.begin();
  return std::tuple(matrix.layer, rank, matrix.component);
}

void require_unique(const std::vector<WeightMatrix>& sorted) {
  const auto twin = std::adjacent_find(sorted.begin(), sorted.end(), [](const WeightMatrix& a, const WeightMatrix& b) {
    return a.layer == b.layer && a.component == b.component;
  });
  if (twin == sorted.end()) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("tensors {} and {} are both {}", printable(twin->tensor_name),
                                                       printable(std::next(twin)->tensor_name), twin->label()))
      .at(twin->source);
}

}  // namespace

std::string WeightMatrix::label() const {
  return layer == kNoLayer ? component : fmt::format("layer {} {}", layer, component);
}

MatrixSet MatrixSet::open(const std::string& reference, const MatrixSelection& selection) {
  return guard_allocation(reference, [&] {
    Found found = open_any(reference, selection);
    std::erase_if(found.matrices, [&](const WeightMatrix& matrix) {
      return (selection.layer && matrix.layer != *selection.layer) ||
             (selection.component && matrix.component != *selection.component);
    });
    if (found.matrices.empty()) {
      throw Error(ErrorCode::shape_mismatch,
                  "expected a matrix (a tensor with two dimensions) of those wanted, got none")
          .at(reference);
    }
    std::sort(found.matrices.begin(), found.matrices.end(),
              [](const WeightMatrix& a, const WeightMatrix& b) { return sort_key(a) < sort_key(b); });
    require_unique(found.matrices);
    MatrixSet set;
    set.reference_ = reference;
    set.kind_ = found.kind;
    set.matrices_ = std::move(found.matrices);
    set.skipped_ = std::move(found.skipped);
    set.archives_ = std::make_shared<const std::vector<TensorArchive>>(std::move(found.archives));
    return set;
  });
}

const WeightMatrix* MatrixSet::find(int layer, std::string_view component) const {
  const auto found = std::find_if(matrices_.begin(), matrices_.end(), [&](const WeightMatrix& matrix) {
    return matrix.layer == layer && matrix.component == component;
  });
  return found == matrices_.end() ? nullptr : &*found;
}

void MatrixSet::check_intact() const {
  if (archives_ == nullptr) return;
  for (const auto& archive : *archives_) archive.check_intact();
}

}  // namespace lacuna
