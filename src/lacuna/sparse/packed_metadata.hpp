// What a packed file's metadata says of its matrices (docs/formats/packed.md).
//
//   lacuna.format = packed, lacuna.version = 1
//   lacuna.packed = {"NAME":{"layout":"bitmap","shape":[512,1376],"sha256":"…"},
//                    "NAME":{"layout":"grouped","kept":2,"group":4,"shape":[512,512],"sha256":"…"}}
//
// Errors  corrupt_file; unsupported_format (another version).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lacuna/formats/tensor_archive.hpp"
#include "lacuna/sparse/layout.hpp"

namespace lacuna {

struct PackedEntry {
  std::string name;  // of the dense tensor
  PackingPlan plan;  // parsed: layout and shape only
  std::string digest;
};

std::vector<PackedEntry> parse_packed_metadata(const TensorArchive& archive);  // names are unique

void add_packed_metadata(const std::vector<PackedEntry>& entries, std::map<std::string, std::string>& metadata);
void erase_packed_metadata(std::map<std::string, std::string>& metadata);

}  // namespace lacuna
