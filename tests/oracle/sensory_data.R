# The data sets of tests/data, written there from the R packages:  Rscript sensory_data.R write
suppressMessages(library(jsonlite))
TIGHT <- lme4::lmerControl(optimizer = "bobyqa", calc.derivs = TRUE, check.conv.grad = "ignore",
                           check.conv.hess = "ignore", check.conv.singular = "ignore",
                           optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
PACKAGES <- c(carrots = "lmerTest", ham = "lmerTest", TVbo = "lmerTest", beets = "pbkrtest",
              ScotsSec = "mlmRev")
sensory <- function(name) {
  place <- new.env()
  data(list = name, package = PACKAGES[[name]], envir = place)
  place[[name]]
}
format_number <- function(v) {              # as short as reads back the same
  text <- function(x) {
    short <- format(x, digits = 15)
    if (is.na(x)) NA else if (as.numeric(short) == x) short else format(x, digits = 17)
  }
  sapply(v, text)
}
if (identical(commandArgs(TRUE), "write")) {
  catalogue <- sapply(names(PACKAGES), function(name) {
    d <- sensory(name)
    file <- gzfile(file.path("..", "data", paste0(name, ".csv.gz")), "wb")
    text <- as.data.frame(lapply(d, function(v) if (is.numeric(v)) format_number(v) else as.character(v)))
    write.csv(text, file, row.names = FALSE, quote = FALSE, na = "")
    close(file)
    list(file = paste0(name, ".csv.gz"), rows = nrow(d), columns = lapply(d, function(v)
      if (is.factor(v)) list(type = "factor", ordered = is.ordered(v), levels = levels(v))
      else list(type = if (is.integer(v)) "integer" else "numeric")))
  }, simplify = FALSE)
  write(toJSON(catalogue, auto_unbox = TRUE), file.path("..", "data", "schema.json"))
}
