// From the pickle of a .pt file to tensors: which storages it declares, which views of them it builds, under which
// names.
//
// Every call and persistent id of the pickle is checked, also those that the result does not use, as torch would run
// them all. Extents, strides and offsets come from a stranger: a view lies inside its storage, or it is an error.
//
// Names    keys and list indices on the way to a tensor, joined with '.'; a bare tensor is "". Values that are neither
//          containers nor tensors are left out. Keys that repeat, and different paths to the same name, are errors.
// Errors   corrupt_file, limit_exceeded, unsupported_format, with path and byte offset of the pickle's opcode.
#pragma once

#include <string>

#include "lacuna/formats/pickle.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

inline constexpr std::size_t kMaxPtStorageKey = 256;                         // bytes
inline constexpr std::size_t kMaxPtRank = 64;                                // PyTorch's limit
inline constexpr std::size_t kMaxPtNesting = 100;                            // containers around a tensor
inline constexpr std::size_t kMaxPtNameBytes = 4096;                         // of a joined name
inline constexpr std::uint64_t kMaxExpandedBytes = std::uint64_t{64} << 20;  // or 4 × the file; of a view that repeats

struct PtStorage {
  std::string_view key;  // in the tree
  DType dtype = DType::f32;
  std::uint64_t numel = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // of the persistent id, for messages
};

struct PtTensor {
  std::uint32_t storage = 0;  // index of PtObjects::storages
  std::uint64_t first = 0;    // element (0, …, 0), counted from the storage's start
  Shape shape;
  std::vector<std::int64_t> strides;
};

struct PtName {
  std::string name;
  std::uint32_t tensor = 0;  // index of PtObjects::tensors
};

struct PtObjects {
  std::vector<PtStorage> storages;  // keys are unique
  std::vector<PtTensor> tensors;
  std::vector<PtName> names;  // in the order of the pickle
};

// zip: ('storage', type, key, location, numel). legacy: … plus view metadata, None or (key, offset, numel).
enum class PtContainer { zip, legacy };

PtObjects read_pt_objects(const PickleTree& tree, PtContainer container, const ByteSource& source,
                          MemoryBudget& budget);

// The named tensors as views; payloads[i] is where the bytes of storages[i] begin.
std::vector<NamedTensor> view_pt_tensors(PtObjects objects, const std::vector<const std::byte*>& payloads);

// Second half of read_pt_objects (pt_names.cpp): tensor_of[n] is 1 + the index of the tensor that node n builds.
std::vector<PtName> name_pt_tensors(const PickleTree& tree, const std::vector<std::uint32_t>& tensor_of,
                                    const ByteSource& source, MemoryBudget& budget);

}  // namespace lacuna
