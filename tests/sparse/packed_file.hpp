// Packed files for tests: matrices written as `lacuna pack` writes them, sound or damaged.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "lacuna/formats/safetensors.hpp"
#include "lacuna/formats/safetensors_writer.hpp"
#include "lacuna/sparse/packed_metadata.hpp"
#include "lacuna/sparse/packed_reader.hpp"
#include "lacuna/sparse/packer.hpp"
#include "sparse/sparse_values.hpp"

namespace lacuna::test {

struct FilePart {
  TensorSpec spec;
  std::vector<std::byte> bytes;
};

// A file that may be changed before it is written.
struct PackedFile {
  std::vector<FilePart> parts;
  std::map<std::string, std::string> metadata;

  FilePart& part(std::string_view suffix) {
    for (auto& part : parts) {
      if (part.spec.name.ends_with(suffix)) return part;
    }
    return parts.at(0);
  }

  void write(const std::filesystem::path& path) const {
    std::vector<TensorSpec> specs;
    for (const auto& part : parts) specs.push_back(part.spec);
    write_safetensors(path, specs, metadata, [&](std::size_t index, std::span<std::byte> out) {
      std::copy_n(parts[index].bytes.data(), out.size(), out.data());
    });
  }
};

inline PackedFile packed_file(const DenseMatrix& matrix, const std::string& name) {
  const auto plan = plan_packing(matrix.view()).value();
  PackedFile file;
  for (const auto part : packed_parts(plan.layout)) {
    FilePart out{packed_part_spec(name, plan, part), {}};
    out.bytes.resize(spec_bytes(out.spec));
    pack_part(matrix.view(), plan, part, out.bytes);
    file.parts.push_back(std::move(out));
  }
  add_packed_metadata({{name, plan, packed_digest(name, matrix.view(), plan)}}, file.metadata);
  return file;
}

}  // namespace lacuna::test
