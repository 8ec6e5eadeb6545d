# Printed text of lmerTest's summaries, at width 80 -> summary_<model>.txt
source("models.R")
chosen <- commandArgs(TRUE)
for (name in if (length(chosen)) chosen else names(MODELS)) {
  f <- fit(MODELS[[name]]); data <- f$data
  text <- capture.output(print(suppressMessages(summary(f$m))))
  writeLines(text, sprintf("summary_%s.txt", name))
}
