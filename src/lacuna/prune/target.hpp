// What a pruning should reach: an unstructured sparsity or an N:M pattern.
//
// N:M prunes N of every M consecutive weights of a row (the Wanda and SparseGPT scripts' convention; 2:4 keeps two).
// The scripts' names write unstructured as 0-0: "0-0-0.5", "2-4-0.5".
#pragma once

#include <string>
#include <string_view>

namespace lacuna {

struct SparsityTarget {
  double sparsity = 0.5;  // share of weights pruned, [0, 1); n / m for a pattern
  int n = 0;              // 0: unstructured
  int m = 0;

  bool structured() const { return n != 0; }
  std::string label() const;        // "50%" or "2:4", for people
  std::string script_name() const;  // "0-0-0.5" or "2-4-0.5"
  bool operator==(const SparsityTarget&) const = default;
};

SparsityTarget unstructured(double sparsity);         // throws Error{bad_pattern} outside [0, 1)
SparsityTarget n_of_m(int n, int m);                  // throws Error{bad_pattern} unless 0 < n < m
SparsityTarget parse_pattern(std::string_view text);  // "2:4"; throws Error{bad_pattern}

}  // namespace lacuna
