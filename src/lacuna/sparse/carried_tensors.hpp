// The tensors that a packed model carries over as they are (embeddings, norms, matrices that packing does not make
// smaller): their digests in the metadata of each file, so that a changed weight is an error there too
// (docs/formats/packed.md).
//
//   lacuna.carried = {"NAME":"SHA-256", …}
//
// Cost     carried_digest, verify_carried: every byte read once, at the speed of SHA-256.
// Threads  safe on distinct archives.
// Errors   verify_carried: Error{corrupt_file} with the tensor's offset.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

// SHA-256 of what the tensor is, "NAME\ndense TYPE EXTENT…\n", then of its elements in C order.
std::string carried_digest(const NamedTensor& tensor);

void add_carried_metadata(const std::vector<std::pair<std::string, std::string>>& digests,
                          std::map<std::string, std::string>& metadata);  // of tensors by name
void erase_carried_metadata(std::map<std::string, std::string>& metadata);

// One tensor and the digest that its file says it has.
struct CarriedTensor {
  const TensorArchive* archive = nullptr;
  const NamedTensor* tensor = nullptr;
  std::string digest;
};

std::vector<CarriedTensor> carried_tensors(
    const TensorArchive& archive);  // none in files written before there were any
void verify_carried(const CarriedTensor& carried);

}  // namespace lacuna
