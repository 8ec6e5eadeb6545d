# psych's descriptive statistics, for tests/workflow/test_describe.py.
# Run: Rscript describe.R > describe.json    (psych 2.2.9)
suppressMessages({library(psych); library(jsonlite); library(mlmRev)})
set.seed(123)
ctrl <- rnorm(120, 50, 10); trt <- rnorm(120, 55, 7); ses <- rnorm(120, 50, 10)
tutorial <- data.frame(math_score = c(ctrl, trt), intervention = rep(c(0, 1), each = 60),
                       classroom_id = rep(1:12, each = 20), student_id = rep(1:20, 12), ses = ses)
odd <- list(one = 3, two = c(1, 4), three = c(2, 2, 2), four = c(1, NA, 5, 9, 30),
            ties = c(1, 1, 1, 2, 2, 3, 7, 7, 7, 7, 8), tenths = rep(0.1, 20),
            far = 1e8 + c(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048))
keep <- c("n", "mean", "sd", "median", "trimmed", "mad", "min", "max", "range", "skew",
          "kurtosis", "se")
table_of <- function(d) as.list(as.data.frame(d)[, keep])
by_group <- function(d, columns, by) lapply(split(d[columns], d[[by]]), function(g)
  table_of(suppressWarnings(describe(g))))
out <- list(
  tutorial = by_group(tutorial, c("math_score", "intervention", "student_id", "ses"),
                      "classroom_id"),
  whole = table_of(describe(tutorial)),
  exam = by_group(Exam, c("normexam", "standLRT", "schavg"), "schgend"),
  odd = lapply(odd, function(x) table_of(suppressWarnings(describe(x)))))
cat(toJSON(out, digits = NA, na = "null", null = "null", auto_unbox = FALSE), "\n")
